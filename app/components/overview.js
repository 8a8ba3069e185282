// The whole recording in one strip, with the window on it. Dragging answers here; the server is told where it ended.
const NS = "http://www.w3.org/2000/svg";
const WIDE = 1000, LANE = 26, GAP = 4, EMPTY = 255, FULL = 254, SMALLEST_PX = 6, SETTLE_MS = 160;

function svg(name, attributes, parent) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (parent) parent.append(element);
  return element;
}

// The patterns of the chart, so that one legend serves both.
const HATCHES = { absent: "M-1 7L7 -1M5 13L13 5", flat: "M0 3H12M0 9H12", saturated: "M3 0V12M9 0V12", noisy: "M0 0L12 12M12 0L0 12" };

function hatches(parent) {
  const defs = svg("defs", {}, parent);
  for (const [kind, d] of Object.entries(HATCHES)) {
    const pattern = svg("pattern", { id: `hatch-${kind}`, width: 12, height: 12, patternUnits: "userSpaceOnUse" }, defs);
    svg("path", { d, class: "hatch" }, pattern);
  }
}

function clock(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const two = (n) => String(n).padStart(2, "0");
  return `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

function bytes(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

function outline(lane, top) {
  const low = bytes(lane.low), high = bytes(lane.high), n = low.length;
  const y = (value) => (top + LANE * (1 - value / FULL)).toFixed(1);
  let d = "";
  for (let i = 0; i < n; i++) {
    if (low[i] === EMPTY) continue;
    const x = (((i + 0.5) / n) * WIDE).toFixed(1);
    // A hair's height at least, so that a flat line can be seen.
    d += `M${x} ${y(high[i])}L${x} ${y(Math.max(low[i] - 3, 0))}`;
  }
  return d;
}

function paint(view, data) {
  const { graph } = view, at = (s) => (s / data.duration) * WIDE;
  graph.replaceChildren();
  const high = data.lanes.length * (LANE + GAP);
  graph.setAttribute("viewBox", `0 0 ${WIDE} ${high}`);
  graph.style.height = `${high}px`;
  hatches(graph);
  data.lanes.forEach((lane, k) => {
    const top = k * (LANE + GAP) + GAP / 2, marks = [];
    svg("rect", { x: 0, y: top, width: WIDE, height: LANE, class: "lane" }, graph);
    for (const [kind, start, stop] of lane.flaws) {
      const width = Math.max(at(stop) - at(start), 1.5);
      marks.push({ x: at(start), y: top, width, height: LANE, fill: `url(#hatch-${kind})`, stroke: "currentColor" });
    }
    svg("path", { d: outline(lane, top), stroke: lane.colour, class: "signal" }, graph);
    for (const mark of marks) svg("rect", { ...mark, "stroke-width": 0.5 }, graph);
  });
  if (data.alarm !== null) {
    svg("line", { x1: at(data.alarm), x2: at(data.alarm), y1: 0, y2: high, class: "alarm" }, graph);
  }
  view.box = svg("rect", { y: 0.5, height: high - 1, class: "window" }, graph);
  view.drawn = data.drawn;
}

function place(view, start) {
  const { data } = view, px = view.graph.clientWidth || WIDE;
  const width = Math.max((data.length / data.duration) * WIDE, (SMALLEST_PX / px) * WIDE);
  const left = Math.min((start / data.duration) * WIDE, WIDE - width);
  view.start = start;
  view.box.setAttribute("x", left);
  view.box.setAttribute("width", width);
  view.said.textContent = `${clock(start)} to ${clock(start + data.length)}`;
  view.slider.setAttribute("aria-valuenow", start.toFixed(1));
  view.slider.setAttribute("aria-valuetext", view.said.textContent);
}

function clamp(view, start) {
  return Math.min(Math.max(start, 0), Math.max(view.data.duration - view.data.length, 0));
}

function build(root) {
  const view = { timer: 0, drag: null };
  view.slider = document.createElement("div");
  view.slider.className = "slider";
  view.slider.tabIndex = 0;
  view.slider.setAttribute("role", "slider");
  view.slider.setAttribute("aria-label", "Window in the whole recording");
  view.slider.title = "Click, drag or use the arrow keys to move the window";
  view.graph = svg("svg", { preserveAspectRatio: "none", "aria-hidden": "true" }, view.slider);
  view.names = document.createElement("div");
  view.names.className = "names";
  const feet = document.createElement("div");
  feet.className = "feet";
  [view.from, view.said, view.to] = [0, 1, 2].map(() => document.createElement("span"));
  feet.append(view.from, view.said, view.to);
  view.key = document.createElement("div");
  view.key.className = "key";
  const row = document.createElement("div");
  row.className = "row";
  row.append(view.names, view.slider);
  root.append(row, feet, view.key);
  listen(view);
  return view;
}

function listen(view) {
  const seconds = (event) => {
    const box = view.graph.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * view.data.duration;
  };
  const send = (wait) => {
    clearTimeout(view.timer);
    view.timer = setTimeout(() => view.moved(Math.round(view.start * 100) / 100), wait);
  };
  view.slider.addEventListener("pointerdown", (event) => {
    const at = seconds(event), inside = at >= view.start && at <= view.start + view.data.length;
    view.drag = inside ? at - view.start : view.data.length / 2;
    view.slider.setPointerCapture(event.pointerId);
    place(view, clamp(view, at - view.drag));
  });
  view.slider.addEventListener("pointermove", (event) => {
    if (view.drag !== null) place(view, clamp(view, seconds(event) - view.drag));
  });
  const done = () => {
    if (view.drag === null) return;
    view.drag = null;
    send(0);
  };
  view.slider.addEventListener("pointerup", done);
  view.slider.addEventListener("pointercancel", done);
  view.slider.addEventListener("keydown", (event) => {
    const { length, duration } = view.data;
    const steps = {
      ArrowLeft: -length / 2, ArrowDown: -length / 2, ArrowRight: length / 2, ArrowUp: length / 2,
      PageDown: -10 * length, PageUp: 10 * length, Home: -duration, End: duration,
    };
    if (!(event.key in steps)) return;
    event.preventDefault();
    place(view, clamp(view, view.start + steps[event.key]));
    send(SETTLE_MS);
  });
}

function label(view, data) {
  view.names.replaceChildren(
    ...data.lanes.map((lane) => {
      const name = document.createElement("span");
      name.textContent = lane.title;
      return name;
    }),
  );
  view.from.textContent = clock(0);
  view.to.textContent = clock(data.duration);
  const kinds = new Set(data.lanes.flatMap((lane) => lane.flaws.map(([kind]) => kind)));
  view.key.replaceChildren(
    ...Object.entries({ ...(data.alarm === null ? {} : { alarm: data.words.alarm }), ...data.words.flaws })
      .filter(([kind]) => kind === "alarm" || kinds.has(kind))
      .map(([kind, word]) => {
        const item = document.createElement("span");
        if (kind === "alarm") {
          item.append(document.createElement("i"), word);
        } else {
          const mark = svg("svg", { "aria-hidden": "true" }, item);
          svg("rect", { width: 18, height: 12, fill: `url(#hatch-${kind})` }, mark);
          item.append(word);
        }
        return item;
      }),
  );
}

const views = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  let view = views.get(parentElement);
  if (!view) {
    view = build(parentElement);
    views.set(parentElement, view);
  }
  view.data = data;
  view.moved = (start) => setTriggerValue("moved", start);
  view.slider.setAttribute("aria-valuemin", "0");
  view.slider.setAttribute("aria-valuemax", String(Math.max(data.duration - data.length, 0)));
  if (view.drawn !== data.drawn) {
    paint(view, data);
    label(view, data);
  }
  // While a hand is on the window, or a key still repeats, what the server says of it is old.
  if (view.drag === null) place(view, data.start);
}
