// Session storage belongs to one tab: it outlives a reload and goes with the tab.
const told = new Set();

function remembered(name) {
  try {
    return JSON.parse(window.sessionStorage.getItem(name));
  } catch {
    return null;
  }
}

export default function ({ data, setTriggerValue }) {
  const { name, held, forget } = data;
  try {
    if (held) window.sessionStorage.setItem(name, JSON.stringify(held));
    else if (forget) window.sessionStorage.removeItem(name);
  } catch {
    // A browser that keeps nothing: the seat lasts as long as the page.
  }
  if (held || forget || told.has(name)) return;
  const found = remembered(name);
  if (!found) return;
  told.add(name);
  setTriggerValue("found", found);
}
