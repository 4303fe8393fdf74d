// The two questions that the page may have: for the server's token, and whether to remove a book.

const one = (id) => document.getElementById(id);
let asked = null;

// The token that the visitor types. Requests that need one at the same time share the question.
export function askToken(wasWrong) {
  asked ??= new Promise((resolve) => {
    const dialog = one("ask-token");
    one("token-error").textContent = wasWrong ? "The server does not know that token." : "";
    one("token").value = "";
    dialog.oncancel = (event) => event.preventDefault(); // without it nothing works
    dialog.onclose = () => {
      asked = null;
      resolve(one("token").value.trim());
    };
    dialog.showModal();
  });
  return asked;
}

// Whether a book is to be removed.
export function askRemove(name) {
  return new Promise((resolve) => {
    const dialog = one("ask-remove");
    one("remove-name").textContent = name;
    dialog.returnValue = "keep";
    dialog.onclose = () => resolve(dialog.returnValue === "remove");
    dialog.showModal();
  });
}
