// A chart to scale that stays where it is: what comes is drawn into it, and nothing around it is built anew.
const sheets = new WeakMap();
const CONFIG = { displayModeBar: false, scrollZoom: false, doubleClick: false, responsive: false };

class Sheet {
  constructor(host) {
    this.box = document.createElement("div");
    this.box.setAttribute("role", "figure");
    this.box.style.overflow = "hidden";
    host.append(this.box);
  }

  async follow(data) {
    this.box.setAttribute("aria-label", data.alt);
    if (data.spec === this.spec) return;
    this.spec = data.spec;
    const { data: traces, layout } = JSON.parse(data.spec);
    // Nothing below moves while the library is on its way.
    this.box.style.height = `${layout.height}px`;
    try {
      const plotly = await library(data.plotly);
      // Meanwhile another may have come, or the page may have gone.
      if (this.spec !== data.spec) return;
      this.plotly = plotly;
      // A drag that zooms would change a scale that is written on the paper.
      await plotly.react(this.box, traces, { ...layout, dragmode: false }, CONFIG);
    } catch (error) {
      console.error(error);
      this.close();
      this.box.textContent = data.failed;
    }
  }

  close() {
    this.spec = null;
    this.plotly?.purge(this.box);
  }
}

export default function ({ data, parentElement }) {
  if (!sheets.has(parentElement)) sheets.set(parentElement, new Sheet(parentElement));
  sheets.get(parentElement).follow(data);
  return () => {
    const sheet = sheets.get(parentElement);
    sheets.delete(parentElement);
    sheet?.close();
    sheet?.box.remove();
  };
}
