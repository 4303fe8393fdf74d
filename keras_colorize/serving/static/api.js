// What the page asks the server for. All requests go through here, with the token if one is needed.

import { askToken } from "./dialogs.js";

const TOKEN = "token";
const PATIENCE = 30; // times that a busy server is asked again

export class Failure extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export async function json(path, options) {
  return (await request(path, options)).json();
}

export async function blob(path) {
  return (await request(path)).blob();
}

export async function request(path, options = {}) {
  for (let times = 0; ; times++) {
    let response;
    try {
      response = await fetch(`api/${path}`, { ...options, headers: authorization() });
    } catch {
      throw new Failure("The server does not answer. Is it still running?", 0);
    }
    if (response.ok) return response;
    const text = await response.text();
    await settle(response.status, text, response.headers.get("Retry-After"), times);
  }
}

// Sends a file as it is; `progress` is told the share that has arrived, 0 to 1.
export async function upload(path, file, progress) {
  for (let times = 0; ; times++) {
    const sent = await send(path, file, progress);
    if (sent.status >= 200 && sent.status < 300) return JSON.parse(sent.responseText);
    await settle(sent.status, sent.responseText, sent.getResponseHeader("Retry-After"), times);
  }
}

function send(path, file, progress) {
  return new Promise((resolve, reject) => {
    const sent = new XMLHttpRequest(); // fetch tells nothing of an upload's progress
    sent.open("POST", `api/${path}`);
    for (const [name, value] of Object.entries(authorization())) sent.setRequestHeader(name, value);
    sent.upload.onprogress = (event) => progress(event.loaded / Math.max(1, event.total));
    sent.onload = () => resolve(sent);
    sent.onerror = () => reject(new Failure(`${file.name}: did not reach the server; try again`, 0));
    sent.send(file);
  });
}

// Returns where the request is to be made again, and throws where that is no use.
async function settle(status, text, retryAfter, times) {
  if (status === 401) {
    sessionStorage.setItem(TOKEN, await askToken(sessionStorage.getItem(TOKEN) !== null));
  } else if (status === 503 && times < PATIENCE) {
    await new Promise((done) => setTimeout(done, 1000 * Math.min(10, Number(retryAfter) || 1)));
  } else {
    throw new Failure(reason(status, text), status);
  }
}

function reason(status, text) {
  try {
    return JSON.parse(text).error || `The server answered ${status}.`;
  } catch {
    return `The server answered ${status}.`;
  }
}

function authorization() {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { Authorization: `Bearer ${token}` } : {};
}
