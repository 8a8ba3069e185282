// What was said at each moment: all of it was sent ahead, so that the slider is answered here. The server is told where
// it came to rest.
const SETTLE_MS = 400;

function element(name, parent, text) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function build(parentElement) {
  const root = element("div", parentElement);
  const label = element("label", root);
  const name = element("span", label);
  const when = element("b", label);
  const slider = element("input", label);
  Object.assign(slider, { type: "range", min: 0, step: 1 });
  const answer = element("div", root);
  answer.className = "answer";
  const risk = element("strong", answer);
  const whole = element("span", answer);
  const note = element("p", root);
  const head = element("h6", root);
  const list = element("ul", root);
  const table = element("table", root);
  const view = { name, when, slider, risk, whole, note, head, list, table, timer: 0, held: false };
  slider.addEventListener("input", () => {
    view.held = true;
    show(view, Number(slider.value));
    clearTimeout(view.timer);
    view.timer = setTimeout(() => {
      view.held = false;
      view.rest(Number(slider.value));
    }, SETTLE_MS);
  });
  return view;
}

function show(view, at) {
  const { moments, heads, words } = view.data, moment = moments[at];
  view.when.textContent = moment.when;
  view.slider.setAttribute("aria-valuetext", `${moment.when}: ${moment.risk}`);
  view.risk.textContent = moment.risk;
  view.note.textContent = moment.note;
  view.note.hidden = !moment.note;
  view.head.hidden = view.list.hidden = moment.unknown.length === 0;
  view.head.textContent = words.unknown;
  view.list.replaceChildren();
  for (const part of moment.unknown) element("li", view.list, part);
  view.table.replaceChildren();
  const first = element("tr", element("thead", view.table));
  for (const head of heads) element("th", first, head).scope = "col";
  const body = element("tbody", view.table);
  for (const [title, ...cells] of moment.rows) {
    const row = element("tr", body);
    element("th", row, title).scope = "row";
    for (const cell of cells) element("td", row, cell);
  }
}

const views = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  let view = views.get(parentElement);
  if (!view) {
    view = build(parentElement);
    views.set(parentElement, view);
  }
  view.data = data;
  view.rest = (at) => setTriggerValue("rested", at);
  view.name.textContent = data.words.moment;
  view.whole.textContent = data.words.whole;
  view.slider.max = data.moments.length - 1;
  // While a hand is on the slider what the server says of it is old.
  if (!view.held) view.slider.value = data.at;
  show(view, Number(view.slider.value));
}
