// Two pairs of lines over a chart that is already there: what lies between them is read here, without the server.
const NS = "http://www.w3.org/2000/svg";
const LOOK_MS = 250, GRIP = 9, HIT = 14, FINE_PX = 0.2;
const kept = new Map();

function svg(name, attributes, parent) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (parent) parent.append(element);
  return element;
}

export function interval(seconds) {
  if (seconds < 10) {
    const ms = Math.round(seconds * 1000);
    return ms >= 150 && ms <= 6000 ? `${ms} ms · ${Math.round(60 / seconds)} bpm` : `${ms} ms`;
  }
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds), two = (n) => String(n).padStart(2, "0");
  return `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)} h:min:s`;
}

export function amount(value, unit) {
  const digits = unit === "mV" ? 2 : unit === "mmHg" ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  const text = value.toFixed(Math.min(digits, 4)).replace(/^-(?=[0.]*$)/, "").replace("-", "\u2212");
  return `${text} ${unit}`.trim();
}

class Calipers {
  constructor(root, key) {
    this.root = root;
    this.state = kept.get(key) ?? { time: null, lead: 0, level: null };
    kept.set(key, this.state);
    this.readout();
    this.overlay();
    this.timer = setInterval(() => this.attach(), LOOK_MS);
    this.again = () => requestAnimationFrame(() => this.draw());
  }

  readout() {
    this.said = document.createElement("div");
    this.said.setAttribute("role", "status");
    this.said.className = "fs-calipers";
    [this.saidTime, this.saidLevel] = [0, 1].map(() => this.said.appendChild(document.createElement("span")));
    this.root.append(this.said);
  }

  overlay() {
    this.svg = svg("svg", { class: "fs-caliper-lines", "aria-label": "Calipers", role: "group" });
    Object.assign(this.svg.style, {
      position: "absolute", left: 0, top: 0, width: "100%", height: "100%", pointerEvents: "none", overflow: "visible",
    });
    this.lines = [["time", 0], ["time", 1], ["level", 0], ["level", 1]].map(([kind, k]) => this.line(kind, k));
    this.tags = { time: this.tag(), level: this.tag() };
  }

  line(kind, k) {
    const time = kind === "time", colour = time ? "#1F5FA8" : "#6A3D9A";
    const group = svg("g", { tabindex: 0, role: "slider", class: `fs-caliper fs-${kind}-${k}` }, this.svg);
    group.setAttribute("aria-label", time ? `Time caliper ${k + 1}` : `Amplitude caliper ${k + 1}`);
    group.setAttribute("aria-orientation", time ? "horizontal" : "vertical");
    const cursor = time ? "ew-resize" : "ns-resize";
    Object.assign(group.style, { pointerEvents: "auto", cursor, touchAction: "none" });
    const hit = svg("line", { stroke: "transparent", "stroke-width": HIT }, group);
    const ink = svg("line", { stroke: colour, "stroke-width": 1.5, class: "fs-ink" }, group);
    const grip = svg("circle", { r: GRIP, fill: colour, stroke: "#FFFFFF", "stroke-width": 1.5 }, group);
    const line = { kind, k, group, hit, ink, grip };
    group.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      event.stopPropagation();
      group.focus({ preventScroll: true });
      group.setPointerCapture(event.pointerId);
      line.held = true;
    });
    group.addEventListener("pointermove", (event) => { if (line.held) this.drag(line, event); });
    for (const end of ["pointerup", "pointercancel"]) group.addEventListener(end, () => { line.held = false; });
    group.addEventListener("keydown", (event) => this.step(line, event));
    return line;
  }

  tag() {
    const group = svg("g", {}, this.svg);
    const back = svg("rect", { fill: "#FFFFFF", stroke: "#57606A", "stroke-width": 0.5, rx: 3, height: 20 }, group);
    const text = svg("text", { fill: "#1B1F24", "font-size": 13, "font-weight": 600, "text-anchor": "middle" }, group);
    return { group, back, text };
  }

  update(data) {
    this.data = data;
    this.state.lead = Math.min(this.state.lead, data.leads.length - 1);
    this.attach();
    this.again();
  }

  attach() {
    const chart = document.querySelector(`.st-key-${this.data.chart} .js-plotly-plot`);
    if (!chart?._fullLayout?.xaxis) return;
    if (chart !== this.chart) {
      this.chart?.removeListener?.("plotly_afterplot", this.again);
      this.chart = chart;
      chart.on("plotly_afterplot", this.again);
    }
    if (this.svg.parentElement !== chart) {
      chart.append(this.svg);
      this.draw();
    }
  }

  get x() { return this.chart._fullLayout.xaxis; }

  y(lead) { return this.chart._fullLayout[this.data.leads[lead].axis]; }

  xpx(seconds) { return this.x._offset + this.x.c2p(seconds); }

  ypx(level) { return this.y(this.state.lead)._offset + this.y(this.state.lead).c2p(level); }

  // The part of the paper that is in sight: it may be wider than the screen.
  sight() {
    const paper = this.chart.closest('[class*="st-key-paper_"]') ?? this.chart;
    const out = paper.getBoundingClientRect(), own = this.chart.getBoundingClientRect(), axis = this.x;
    const left = Math.max(out.left - own.left, this.xpx(this.data.start));
    const right = Math.min(out.right - own.left, this.xpx(this.data.start + this.data.length));
    return [left, Math.max(right, left + 20)].map((px) => axis.p2c(px - axis._offset));
  }

  settle() {
    const { start, length, leads } = this.data, { state } = this, [a, b] = state.time ?? [NaN, NaN];
    const inside = (t) => t >= start - 1e-9 && t <= start + length + 1e-9;
    if (!(inside(a) && inside(b))) {
      const [from, to] = this.sight(), gap = Math.abs(b - a);
      const apart = gap > 0 && gap < (to - from) * 0.9 ? gap : (to - from) * 0.2;
      state.time = [(from + to - apart) / 2, (from + to + apart) / 2];
    }
    const axis = this.y(state.lead), [low, high] = axis.range, level = state.level;
    if (!level || level.some((v) => v < low || v > high) || state.unit !== leads[state.lead].unit) {
      state.level = [low + 0.35 * (high - low), low + 0.65 * (high - low)];
      state.unit = leads[state.lead].unit;
    }
  }

  draw() {
    if (!this.chart?._fullLayout?.xaxis || !this.data.leads.every((_, k) => this.y(k))) return;
    this.settle();
    const { state, data } = this, size = this.chart._fullLayout._size, lead = data.leads[state.lead];
    const top = size.t, bottom = size.t + size.h, axis = this.y(state.lead);
    const left = this.xpx(data.start), right = this.xpx(data.start + data.length);
    for (const line of this.lines) {
      const at = line.kind === "time" ? this.xpx(state.time[line.k]) : this.ypx(state.level[line.k]);
      const ends = line.kind === "time" ? { x1: at, x2: at, y1: top, y2: bottom } : { x1: left, x2: right, y1: at, y2: at };
      for (const part of [line.hit, line.ink]) for (const [k, v] of Object.entries(ends)) part.setAttribute(k, v);
      const middle = this.xpx((this.sight()[0] + this.sight()[1]) / 2);
      line.grip.setAttribute("cx", line.kind === "time" ? at : Math.min(middle + 60, right - GRIP));
      line.grip.setAttribute("cy", line.kind === "time" ? bottom - GRIP : at);
      this.tell(line, lead);
    }
    const gap = Math.abs(state.time[1] - state.time[0]), rise = Math.abs(state.level[1] - state.level[0]);
    const [said, high] = [interval(gap), amount(rise, lead.unit)];
    this.write(this.tags.time, said, this.xpx((state.time[0] + state.time[1]) / 2), bottom - 34);
    const tagged = Math.min(this.xpx((this.sight()[0] + this.sight()[1]) / 2) + 60, right - GRIP);
    this.write(this.tags.level, high, tagged, (this.ypx(state.level[0]) + this.ypx(state.level[1])) / 2);
    const [low, upper] = [...state.level].sort((p, q) => p - q);
    this.saidTime.textContent = `Time: ${said}`;
    this.saidLevel.textContent =
      `${lead.title}: ${high} (from ${amount(low, lead.unit)} to ${amount(upper, lead.unit)})`;
    this.axisOf = axis;
  }

  tell(line, lead) {
    const { state, data } = this, time = line.kind === "time", value = time ? state.time[line.k] : state.level[line.k];
    const [low, high] = time ? [data.start, data.start + data.length] : this.y(state.lead).range;
    line.group.setAttribute("aria-valuemin", low);
    line.group.setAttribute("aria-valuemax", high);
    line.group.setAttribute("aria-valuenow", value.toFixed(3));
    line.group.setAttribute("aria-valuetext", time ? `${value.toFixed(3)} s` : `${lead.title} ${amount(value, lead.unit)}`);
  }

  write(tag, text, x, y) {
    tag.text.textContent = text;
    const wide = tag.text.getComputedTextLength() + 12;
    tag.text.setAttribute("x", x);
    tag.text.setAttribute("y", y + 5);
    tag.back.setAttribute("x", x - wide / 2);
    tag.back.setAttribute("y", y - 10);
    tag.back.setAttribute("width", wide);
  }

  drag(line, event) {
    const own = this.chart.getBoundingClientRect();
    if (line.kind === "time") {
      this.setTime(line.k, this.x.p2c(event.clientX - own.left - this.x._offset));
    } else {
      const px = event.clientY - own.top;
      this.lead(px, line.k);
      const axis = this.y(this.state.lead);
      this.setLevel(line.k, axis.p2c(px - axis._offset));
    }
    this.draw();
  }

  // A line that is drawn over another lead measures that one, and its partner comes with it.
  lead(px, k) {
    const over = this.data.leads.findIndex((_, n) => {
      const axis = this.y(n);
      return px >= axis._offset && px <= axis._offset + axis._length;
    });
    if (over < 0 || over === this.state.lead) return;
    const apart = this.ypx(this.state.level[1 - k]) - this.ypx(this.state.level[k]);
    Object.assign(this.state, { lead: over, unit: this.data.leads[over].unit });
    const axis = this.y(over);
    this.setLevel(1 - k, axis.p2c(px + apart - axis._offset));
  }

  setTime(k, value) {
    const { start, length } = this.data;
    this.state.time[k] = Math.min(Math.max(value, start), start + length);
  }

  setLevel(k, value) {
    const [low, high] = this.y(this.state.lead).range;
    this.state.level[k] = Math.min(Math.max(value, low), high);
  }

  step(line, event) {
    const way = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 }[event.key];
    const along = event.key === "ArrowLeft" || event.key === "ArrowRight" ? "time" : "level";
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const many = event.shiftKey ? 10 : 1;
    if (along === "time" && line.kind === "time") {
      const pixel = Math.abs(this.x.p2c(1) - this.x.p2c(0));
      // A sample where it can be told from its neighbour on the screen, else a pixel.
      const one = this.data.sample > FINE_PX * pixel ? this.data.sample : pixel;
      this.setTime(line.k, this.state.time[line.k] + way * many * one);
    } else if (along === "level" && line.kind === "level") {
      const axis = this.y(this.state.lead), pixel = Math.abs(axis.p2c(1) - axis.p2c(0));
      this.setLevel(line.k, this.state.level[line.k] + way * many * pixel);
    }
    this.draw();
  }

  remove() {
    clearInterval(this.timer);
    this.chart?.removeListener?.("plotly_afterplot", this.again);
    this.svg.remove();
    this.said.remove();
  }
}

const open = new WeakMap();

export default function ({ parentElement, data, key }) {
  let calipers = open.get(parentElement);
  if (!calipers) {
    calipers = new Calipers(parentElement, data.chart + key);
    open.set(parentElement, calipers);
  }
  calipers.update(data);
  return () => {
    calipers.remove();
    open.delete(parentElement);
  };
}
