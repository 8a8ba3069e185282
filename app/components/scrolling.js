// Streamlit's containers take no attributes, and draw their contents anew: whatever appears is looked at again.
const FRAMES = '[class*="st-key-paper_"]';

function mark() {
  for (const frame of document.querySelectorAll(FRAMES)) {
    if (frame.tabIndex === 0) continue;
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", "Signals to scale: scroll with the arrow keys");
  }
}

export default function () {
  mark();
  const watcher = new MutationObserver(mark);
  watcher.observe(document.querySelector(".stMain") ?? document.body, { childList: true, subtree: true });
  return () => watcher.disconnect();
}
