// What of the full record's charts depends on the subset. Each function returns { figure, alt } as the Python function
// of the same chart would for this subset (a test compares them); layout and colours are those that Python sent.
// A subset: { row, on: bool[M] }; states as in Python: "present", "missing", "off".

function percent(share) {
  if (share > 0 && share < 0.01) return "<1 %";
  if (share > 0.99 && share < 1) return ">99 %";
  return `${Math.floor(100 * share + 0.5)} %`;
}

// Exactly halfway between two, Python writes the even digit and the browser the larger one.
const HALVES = new Map([[0.125, "0.12"], [0.625, "0.62"]]);
const twoDigits = (share) => HALVES.get(share) ?? share.toFixed(2);

const capitalised = (words) => words[0].toUpperCase() + words.slice(1);

function listing(parts) {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1]}`;
}

function statesOf(data, on) {
  return data.modalities.map((modality, i) => (!modality.here ? "missing" : on[i] ? "present" : "off"));
}

function absentSentence(data, states) {
  let said = "";
  for (const state of ["missing", "off"]) {
    const named = data.modalities.filter((_, i) => states[i] === state).map((modality) => modality.title);
    const word = data.pieces.states[state];
    if (named.length) said += ` ${word[0].toUpperCase()}${word.slice(1)}: ${named.join(", ")}.`;
  }
  return said;
}

function hatched(data, state, title, boxes) {
  const x = [];
  const y = [];
  for (const [x0, x1, y0, y1] of boxes) {
    x.push(x0, x1, x1, x0, x0, null);
    y.push(y0, y0, y1, y1, y0, null);
  }
  return { ...data.pieces.hatch[state], x: x.slice(0, -1), y: y.slice(0, -1), text: `${title}: ${data.pieces.states[state]}` };
}

function tagged(data, state, x, y) {
  return { ...data.pieces.tag, text: data.pieces.states[state], x, y };
}

function drawRisk(data, { row }) {
  const { figure } = data.charts.risk;
  const { risk, change } = data.subsets;
  const [line, markers] = figure.data;
  const [first, second, base] = figure.layout.annotations;
  const full = markers.x[0];
  const value = risk[row];
  const by = `${change[row]} percentage points`;
  return {
    figure: {
      data: [
        { ...line, x: [full, full, value] },
        {
          ...markers,
          x: [full, value],
          customdata: [markers.customdata[0], `${capitalised(data.words.changed)}: ${percent(value)} for ${data.noun}, ${by}`],
        },
      ],
      layout: { ...figure.layout, annotations: [first, { ...second, text: percent(value) }, base] },
    },
    alt:
      `${capitalised(data.noun)}: ${percent(full)} with the full record, ` +
      `${percent(value)} ${data.words.changed} (${by}); base rate ${data.base}.`,
  };
}

// The ring is no part of the figure here (see `ringOf`): plotly would draw all points anew to move it.
function drawLattice(data, { row }) {
  const { figure, alt } = data.charts.lattice;
  const said = figure.data.find((trace) => trace.name === "subsets").customdata[row];
  return {
    figure: {
      data: figure.data.filter((trace) => trace.name !== "chosen"),
      layout: { ...figure.layout, annotations: figure.layout.annotations.slice(0, -1) },
    },
    alt: alt.replace(/ Chosen: .*$/, ` Chosen: ${said}.`),
  };
}

// Where the ring stands, in the figure's own numbers, and how it looks.
function ringOf(data, { row }) {
  const traces = data.charts.lattice.figure.data;
  const points = traces.find((trace) => trace.name === "subsets");
  const { marker } = traces.find((trace) => trace.name === "chosen");
  return { x: points.x[row], y: points.y[row], size: marker.size, width: marker.line.width, color: marker.color };
}

function shareAxis(end, asPercent) {
  const ticks = end < 1 ? Array.from({ length: Math.round(end / 0.25) + 1 }, (_, k) => k * 0.25) : [0, 0.5, 1];
  return { range: [0, end], tickvals: ticks, ticktext: ticks.map((tick) => (asPercent ? percent(tick) : String(tick))) };
}

// Entries of every array of the trace that has one for each bar, for these bars alone.
function barsOf(value, kept, count) {
  if (Array.isArray(value)) return value.length === count ? kept.map((k) => value[k]) : value;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, barsOf(inner, kept, count)]));
}

function drawBars(data, { row, on }, part) {
  const { figure, alt } = data.charts[part];
  const asPercent = part === "weights";
  const write = asPercent ? percent : twoDigits;
  const states = statesOf(data, on);
  const titles = data.modalities.map((modality) => modality.title);
  const outline = figure.data.find((trace) => trace.name === "full record");
  const bars = figure.data.find((trace) => trace.name === data.words.changed);
  const values = data.subsets[part][row];
  const before = outline.y;
  const after = before.filter((i) => states[i] === "present");
  const largest = Math.max(...outline.x, ...after.map((i) => values[i]));
  const end = asPercent ? Math.min(1, Math.ceil(largest / 0.25 + 1e-9) * 0.25) : 1;
  const kept = barsOf(bars, after.map((i) => before.indexOf(i)), before.length);
  const filled = {
    ...kept,
    y: after,
    x: after.map((i) => values[i]),
    customdata: after.map((i) => `${titles[i]}, ${data.words.changed}: ${write(values[i])}`),
  };
  const texts = new Map(
    before.map((i, k) => [i, `${write(outline.x[k])} →<br>${states[i] === "present" ? write(values[i]) : "off"}`]),
  );
  const absent = states.map((state, i) => [state, i]).filter(([state]) => state !== "present");
  const annotations = figure.layout.annotations;
  const column = annotations.filter((note) => note.xref === "paper" && note.x === 1);
  const key = annotations.filter((note) => note.xref === "paper" && note.x === 0);
  return {
    figure: {
      data: [...absent.map(([state, i]) => hatched(data, state, titles[i], [[0, end, i - 0.3, i + 0.3]])), outline, filled],
      layout: {
        ...figure.layout,
        xaxis: { ...figure.layout.xaxis, ...shareAxis(end, asPercent) },
        annotations: [
          ...absent.map(([state, i]) => tagged(data, state, end / 2, i)),
          ...key,
          ...column.map((note) => ({ ...note, text: texts.get(note.y) })),
        ],
      },
    },
    alt:
      alt.slice(0, alt.indexOf(": ") + 2) +
      `${listing(before.map((i) => `${titles[i]} ${texts.get(i).replace("<br>", " ")}`))}.${absentSentence(data, states)}`,
  };
}

function takes(titles, shares, i, rows) {
  const top = percent(Math.max(...rows.map((j) => shares[i][j])));
  const first = rows.filter((j) => percent(shares[i][j]) === top).map((j) => titles[j]);
  if (first.length === rows.length && rows.length > 1) return `${titles[i]} takes the same share from each (${top})`;
  return `${titles[i]} takes most from ${listing(first)} (${top}${first.length > 1 ? " each" : ""})`;
}

function drawAlpha(data, { row, on }) {
  const { figure, alt } = data.charts.alpha;
  const states = statesOf(data, on);
  const titles = data.modalities.map((modality) => modality.title);
  const size = titles.length;
  const every = titles.map((_, i) => i);
  const rows = every.filter((i) => states[i] === "present");
  const shares = every.map((i) => data.subsets.alpha[row].slice(i * size, (i + 1) * size));
  const known = (i, j) => states[i] === "present" && states[j] === "present";
  const cell = figure.layout.annotations.find((note) => note.xref !== "paper" && note.bgcolor === undefined);
  const below = figure.layout.annotations[figure.layout.annotations.length - 1];
  const traces = [
    {
      ...figure.data[0],
      z: every.map((i) => every.map((j) => (known(i, j) ? shares[i][j] : null))),
      customdata: every.map((i) =>
        every.map((j) => `${titles[i]} takes ${percent(known(i, j) ? shares[i][j] : 0)} from ${titles[j]}`),
      ),
    },
  ];
  const notes = [];
  // Numbers as one trace of text: plotly takes several times as long for as many annotations.
  const cells = { type: "scatter", mode: "text", name: "shares", hoverinfo: "skip", x: [], y: [], text: [] };
  cells.textfont = { ...cell.font, color: [] };
  for (const i of every) {
    if (states[i] === "present") {
      for (const j of rows) {
        cells.x.push(j);
        cells.y.push(i);
        cells.text.push(percent(shares[i][j]).replace(" ", ""));
        cells.textfont.color.push(data.pieces.inks[Math.round(100 * shares[i][j])]);
      }
      continue;
    }
    const boxes = [[-0.5, size - 0.5, i - 0.46, i + 0.46], ...rows.map((j) => [i - 0.46, i + 0.46, j - 0.5, j + 0.5])];
    traces.push(hatched(data, states[i], titles[i], boxes));
    notes.push(tagged(data, states[i], (size - 1) / 2, i));
  }
  traces.push(cells);
  const even = data.subsets.even[row];
  notes.push({ ...below, text: data.pieces.notes[rows.length][even ? 1 : 0].join("<br>") });
  const said = listing(rows.map((i) => takes(titles, shares, i, rows))) || "nothing is present";
  return {
    figure: { data: traces, layout: { ...figure.layout, annotations: notes } },
    alt:
      alt.slice(0, alt.indexOf(": ") + 2) +
      `${even ? `${data.pieces.nearly_even} ` : ""}${said}.${absentSentence(data, states)}`,
  };
}

function wholeOf(data) {
  return { row: data.subsets.codes.length - 1, on: data.modalities.map((modality) => modality.here) };
}

const DRAW = {
  risk: drawRisk,
  lattice: drawLattice,
  gates: (data, subset) => drawBars(data, subset, "gates"),
  weights: (data, subset) => drawBars(data, subset, "weights"),
  alpha_full: (data) => drawAlpha(data, wholeOf(data)),
  alpha: drawAlpha,
};
