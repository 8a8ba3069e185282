// Streamlit's containers and its HTML take no attributes, and draw their contents anew: whatever appears is looked at again.
const FRAMES = { '[class*="st-key-paper_"]': "Signals to scale", ".fs-table": "Table" };

// A frame may begin to scroll when the screen narrows, without anything being drawn anew.
const sizes = new ResizeObserver(() => mark());

function mark() {
  for (const [kind, title] of Object.entries(FRAMES)) {
    for (const frame of document.querySelectorAll(kind)) {
      sizes.observe(frame);
      for (const part of frame.children) sizes.observe(part);
      // What fits is no stop for the keyboard.
      const scrolls = frame.scrollWidth > frame.clientWidth;
      if (scrolls === (frame.tabIndex === 0)) continue;
      if (scrolls) {
        frame.tabIndex = 0;
        frame.setAttribute("role", "region");
        frame.setAttribute("aria-label", `${title}: scroll with the arrow keys`);
      } else {
        for (const name of ["tabindex", "role", "aria-label"]) frame.removeAttribute(name);
      }
    }
  }
}

export default function () {
  mark();
  const watcher = new MutationObserver(mark);
  watcher.observe(document.querySelector(".stMain") ?? document.body, { childList: true, subtree: true });
  return () => {
    watcher.disconnect();
    sizes.disconnect();
  };
}
