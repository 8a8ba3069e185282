// The switches of the What-if page and the charts beneath them. Every answer has been sent ahead: a switch looks it up,
// draws it, and tells the server afterwards.

const PARTS = ["risk", "lattice", "gates", "weights", "alpha_full", "alpha"];
const boards = new WeakMap();

// The full record's heatmap stays beside the altered one: both are made of one figure.
const chartOf = (data, part) => data.charts[part === "alpha_full" ? "alpha" : part];

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function inSight(box) {
  const { top, bottom } = box.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
}

class Board {
  constructor(host) {
    this.host = host;
    this.root = element("div", { class: "fs-if" });
    host.querySelector(".fs-if-wait")?.setAttribute("hidden", "");
    host.append(this.root);
    this.boxes = {};
    this.drawn = {};
    this.turn = 0;
    this.width = 0;
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(this.root);
  }

  // New data: another record, another theme, or the same once more, which changes nothing. What the server says is off
  // counts for a record that was not shown before; later the browser is ahead of it.
  follow(data, tell) {
    this.tell = tell;
    const known = JSON.stringify({ ...data, off: [] });
    if (known === this.known) return;
    const kept = this.data?.record === data.record ? this.on : null;
    this.known = known;
    this.data = data;
    this.on = kept ?? data.modalities.map((modality) => modality.here && !data.off.includes(modality.name));
    this.rows = new Map(data.subsets.codes.map((code, row) => [code, row]));
    this.build();
    this.show();
    library(data.plotly).then(
      (plotly) => {
        this.plotly = plotly;
        this.draw();
      },
      (error) => this.without(error),
    );
  }

  subset() {
    const code = this.on.reduce((sum, on, i) => sum + (on && this.data.modalities[i].here ? 2 ** i : 0), 0);
    return { row: this.rows.get(code), on: this.on };
  }

  build() {
    const { words, modalities, charts, headings, routing } = this.data;
    const focus = this.root.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
    this.forget();
    this.switches = modalities.map((modality, i) => this.switch(modality, i));
    this.number = element("strong");
    this.said = element("p", { class: "fs-if-said", role: "status" });
    this.failed = element("p", { class: "fs-if-failed", role: "alert", hidden: "" });
    this.boxes = {};
    const button = (label, on) => {
      const made = element("button", { type: "button", "data-focus": label }, label);
      made.onclick = () => this.set(modalities.map((modality) => modality.here && on));
      return made;
    };
    const panel = (part) => {
      const chart = chartOf(this.data, part);
      const box = element("div", { class: `fs-if-chart fs-if-${part}`, role: "figure", "aria-label": chart.alt });
      box.append(element("div"));
      if (part === "lattice") box.append(element("div", { class: "fs-if-ring", hidden: "" }));
      box.style.height = `${chart.figure.layout.height}px`;
      this.boxes[part] = box;
      if (!headings[part]) return box;
      const [title, aid] = headings[part];
      return element("section", {}, element("h4", {}, title), element("p", { class: "fs-if-aid" }, aid), box);
    };
    const some = (...parts) => parts.filter((part) => chartOf(this.data, part)).map(panel);
    const full = element("strong", {}, this.data.subsets.number[this.data.subsets.number.length - 1]);
    const parts = [
      element("div", { class: "fs-if-switches", role: "group", "aria-label": words.switches }, ...this.switches),
      element("div", { class: "fs-if-all" }, button(words.all_on, true), button(words.all_off, false)),
      this.said,
      element(
        "div",
        { class: "fs-if-answer" },
        element(
          "div",
          { class: "fs-if-numbers" },
          element("p", {}, words.altered, this.number),
          element("p", { class: "fs-if-beside" }, words.full, full),
        ),
        ...some("risk"),
      ),
      this.failed,
      ...some("lattice"),
      element("div", { class: "fs-if-pair" }, ...some("gates", "weights")),
      element("div", { class: "fs-if-pair" }, ...some("alpha_full", "alpha")),
    ];
    if (charts.gates || charts.weights || charts.alpha) parts.push(element("p", { class: "fs-if-aid" }, routing));
    this.root.replaceChildren(...parts);
    this.drawn = {};
    if (focus) this.root.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
  }

  switch(modality, i) {
    const mark = element("i", { class: "fs-if-mark", "aria-hidden": "true" });
    const made = element("button", { type: "button", role: "switch", "data-focus": modality.name }, mark, modality.title);
    if (modality.here) {
      mark.style.background = modality.colour;
      made.append(element("i", { class: "fs-if-track", "aria-hidden": "true" }));
      made.onclick = () => this.set(this.on.map((on, j) => (j === i ? !on : on)));
    } else {
      made.disabled = true;
      made.append(element("small", {}, this.data.words.missing));
    }
    return made;
  }

  set(on) {
    this.on = on;
    this.show();
    this.draw(true);
  }

  show() {
    const { row } = this.subset();
    this.switches.forEach((made, i) => made.setAttribute("aria-checked", String(this.on[i])));
    this.number.textContent = this.data.subsets.number[row];
    const sentence = this.data.subsets.sentence[row];
    if (this.said.textContent !== sentence) this.said.textContent = sentence;
  }

  // At once what is in sight, after that frame the rest, one chart after the other, then the server hears of it. A
  // switch that comes in between begins anew.
  draw(changed = false) {
    const subset = this.subset();
    const parts = this.plotly ? PARTS.filter((part) => this.boxes[part]) : [];
    const near = parts.filter((part) => inSight(this.boxes[part]));
    const rest = parts.filter((part) => !near.includes(part));
    const turn = (this.turn += 1);
    const next = () => {
      if (this.turn !== turn) return;
      if (rest.length) {
        this.drawPart(rest.shift(), subset);
        setTimeout(next);
        return;
      }
      this.announce("fs-drawn");
      if (this.untold) this.report();
    };
    this.untold ||= changed;
    for (const part of near) this.drawPart(part, subset);
    this.announce("fs-shown");
    requestAnimationFrame(() => setTimeout(next));
  }

  report() {
    this.untold = false;
    const { record, modalities } = this.data;
    const off = modalities.filter((modality, i) => modality.here && !this.on[i]).map((modality) => modality.name);
    this.tell("switched", { record, off });
  }

  announce(name) {
    this.root.dispatchEvent(new CustomEvent(name, { bubbles: true }));
  }

  drawPart(part, subset) {
    const box = this.boxes[part];
    const still = part === "alpha_full" || part === "lattice";
    try {
      const { figure, alt } = DRAW[part](this.data, subset);
      box.setAttribute("aria-label", alt);
      if (!still || !this.drawn[part]) this.plotly.react(box.firstChild, figure.data, figure.layout, this.data.config);
      if (!this.drawn[part] && part === "lattice") box.firstChild.on("plotly_click", (event) => this.choose(event));
      this.drawn[part] = true;
      if (part === "lattice") this.ring(subset);
    } catch (error) {
      console.error(error);
      delete this.boxes[part];
      box.textContent = this.data.words.no_chart;
    }
  }

  // Around the point of the subset that is switched on.
  ring(subset) {
    const gd = this.boxes.lattice.firstChild;
    const { x, y, size, width, color } = ringOf(this.data, subset);
    const { xaxis, yaxis } = gd._fullLayout;
    const made = this.boxes.lattice.querySelector(".fs-if-ring");
    const reach = (size + width) / 2;
    Object.assign(made.style, {
      left: `${xaxis._offset + xaxis.d2p(x) - reach}px`,
      top: `${yaxis._offset + yaxis.d2p(y) - reach}px`,
      width: `${2 * reach}px`,
      height: `${2 * reach}px`,
      border: `${width}px solid ${color}`,
    });
    made.hidden = false;
  }

  choose(event) {
    const points = this.data.charts.lattice.figure.data.find((trace) => trace.name === "subsets");
    const row = points.customdata.indexOf(event.points[0]?.customdata);
    if (row < 0) return;
    const code = this.data.subsets.codes[row];
    this.set(this.data.modalities.map((_, i) => Math.floor(code / 2 ** i) % 2 === 1));
  }

  without(error) {
    console.error(error);
    this.failed.textContent = this.data.words.no_plotly;
    this.failed.hidden = false;
    for (const box of Object.values(this.boxes)) (box.closest("section") ?? box).hidden = true;
  }

  resize() {
    const width = this.root.clientWidth;
    if (!this.plotly || !width || width === this.width) return;
    this.width = width;
    requestAnimationFrame(() => {
      const drawn = Object.entries(this.boxes).filter(([part]) => this.drawn[part]);
      Promise.all(drawn.map(([, box]) => this.plotly.Plots.resize(box.firstChild))).then(() => {
        if (this.drawn.lattice && this.boxes.lattice) this.ring(this.subset());
      });
    });
  }

  forget() {
    this.turn += 1;
    for (const [part, box] of Object.entries(this.boxes)) if (this.drawn[part]) this.plotly.purge(box.firstChild);
  }

  close() {
    this.watch.disconnect();
    this.forget();
    this.root.remove();
    boards.delete(this.host);
  }
}

export default function ({ data, parentElement, setStateValue }) {
  try {
    if (!boards.has(parentElement)) boards.set(parentElement, new Board(parentElement));
    boards.get(parentElement).follow(data, setStateValue);
  } catch (error) {
    console.error(error);
    boards.get(parentElement)?.close();
    const wait = parentElement.querySelector(".fs-if-wait");
    wait.textContent = data.words.failed;
    wait.hidden = false;
  }
  return () => boards.get(parentElement)?.close();
}
