// A link to a command or a type leads into a closed piece: open it, then go there.

const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView({ block: "start" });
  }
};

addEventListener("hashchange", reveal);
reveal();
