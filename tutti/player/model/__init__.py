"""What a player decides, free of database, clock and chance: the same input gives the same answer.

state       what a player is at one moment
hearing     what of the current song was really heard
window      the part of the queue a decision looks at
presence    which outputs are there
settling    what time alone changes
transport   play, pause, next, previous, seek, volume, repeat
outputs     where it plays: handoff, party
reports     what outputs say of themselves
silence     outputs that were not heard for a while
ranks       places between places
changes     changes of the queue, and how each is taken back
seen        which commands have taken effect already
"""
