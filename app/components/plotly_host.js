// Plotly, as a promise: that of this tab, which Streamlit leaves behind once it has drawn a chart of its own, else from
// the address that the server names. To read the library a second time would take a second.
const LIBRARY = "fusionscopePlotly";

// One request per tab, whatever comes and goes on its pages; a failed one may be asked for again.
function library(address) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  window[LIBRARY] ??= new Map();
  const asked = window[LIBRARY];
  if (!asked.has(address)) {
    asked.set(
      address,
      new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = address;
        script.onload = () => (window.Plotly ? resolve(window.Plotly) : reject(new Error(`no plotly in ${address}`)));
        script.onerror = () => reject(new Error(`no answer from ${address}`));
        document.head.append(script);
      }).catch((error) => {
        asked.delete(address);
        throw error;
      }),
    );
  }
  return asked.get(address);
}
