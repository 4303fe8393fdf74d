// How files come in: chosen, dropped (folders too), pasted, or as the sample that the server draws.

import { blob } from "./api.js";

const one = (id) => document.getElementById(id);
const PICTURES = "a?png|jpe?g|jpe|jfif|webp|tiff?|bmp|dib|gif|avifs?|jp2|j2[kc]|jp[cfx]";
const KNOWN = new RegExp(`\\.(${PICTURES}|cbz|pdf|cbr|cb7|cbt|epub|zip|rar)$`, "i");
const NO_PAGE = /^(text|audio|video|font)\//; // of all else the server says what it is

// Calls `take(files)` with what the visitor brings, `tell(text)` with what cannot be read of it.
export function listen(takeKnown, tell) {
  const take = (files, faults = []) => {
    const pages = files.filter(({ type }) => !NO_PAGE.test(type));
    if (pages.length) takeKnown(pages);
    const named = files.filter((file) => !pages.includes(file)).map(({ name }) => name).join(", ");
    if (named) faults.push(`${named}: no picture and no comic; choose pages.`);
    if (faults.length) tell(faults.join(" "));
  };
  one("choose").onclick = one("more").onclick = () => one("files").click();
  one("files").onchange = () => {
    take([...one("files").files]);
    one("files").value = ""; // so that the same file can be chosen again
  };
  one("try").onclick = () => trySample(take, tell);
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (files.length) take(files);
  });
  listenForDrops(take, tell);
}

async function trySample(take, tell) {
  one("try").disabled = true; // a second click would bring a second page
  try {
    take([new File([await blob("sample.png")], "sample.png", { type: "image/png" })]);
  } catch (error) {
    tell(error.message);
  }
  one("try").disabled = false;
}

function listenForDrops(take, tell) {
  let depth = 0; // dragenter and dragleave come of every element that is passed over
  const show = (change) => {
    depth = change ? depth + change : 0;
    one("drop").hidden = depth <= 0;
  };
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => holdsFiles(event) && show(1));
  document.addEventListener("dragleave", (event) => holdsFiles(event) && show(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    show(0);
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file")
      .map((item) => ({ file: item.getAsFile(), entry: item.webkitGetAsEntry?.() }));
    const files = []; // the items are gone after the first wait
    const unread = [];
    for (const { file, entry } of items) {
      try {
        const pages = entry?.isDirectory ? await within(entry) : [file].filter(Boolean);
        files.push(...pages);
        if (entry?.isDirectory && !pages.length) unread.push(`${entry.name} holds no page.`);
      } catch (error) {
        unread.push(`${entry.name} cannot be read (${error.message}); choose its pages instead.`);
      }
    }
    take(files, unread);
  });
}

// All pictures and archives below a folder, each with its path.
async function within(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) { // it gives a hundred at a time
    const entries = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!entries.length) return found;
    for (const entry of entries.filter((each) => !each.name.startsWith("."))) {
      if (entry.isDirectory) found.push(...await within(entry));
      else if (KNOWN.test(entry.name)) found.push(await fileOf(entry));
    }
  }
}

async function fileOf(entry) {
  const file = await new Promise((done, failed) => entry.file(done, failed));
  file.path = entry.fullPath; // by which pages are sorted
  return file;
}
