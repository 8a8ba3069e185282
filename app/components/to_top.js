// Streamlit leaves the page where it was scrolled to, also when what stands on it is another record.
let last;

export default function ({ data }) {
  if (last !== undefined && last !== data.mark) document.querySelector(".stMain")?.scrollTo({ top: 0 });
  last = data.mark;
}
