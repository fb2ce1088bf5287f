"""One file per figure that README states, each with its peer beside it in the same run."""
