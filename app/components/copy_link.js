// Copies the text that the page gives, or where it gives none the address, read in the moment of the click: the program
// keeps it up to date.
const SAID_MS = 2500;

async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Over plain http from another machine browsers offer no clipboard: select a hidden field instead.
  const field = document.createElement("textarea");
  field.value = text;
  field.style.position = "fixed";
  field.style.opacity = "0";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("copying was refused");
}

export default function ({ parentElement, data }) {
  parentElement.copied = data.text;
  if (parentElement.querySelector("button")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = data.label;
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    try {
      await copy(parentElement.copied ?? window.location.href);
      said.textContent = "Copied.";
    } catch {
      said.textContent = data.refused;
    }
    setTimeout(() => { said.textContent = ""; }, SAID_MS);
  });
  parentElement.append(button, said);
}
