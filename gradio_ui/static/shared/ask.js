// A dialog with one question.
import { h } from "./dom.js";

/**
 * Asks before something that can't be undone. The safe answer has the focus.
 * @param {{title: string, text: string, yes: string, no: string, testid: string, yesTestid: string}} question
 * @returns {Promise<boolean>} true for `yes`; false for `no` and Escape
 */
export function ask({ title, text, yes, no, testid, yesTestid }) {
  return new Promise((resolve) => {
    const button = (kind, answer, label, more) =>
      h(
        "button",
        { type: "button", class: `button ${kind}`, onclick: () => dialog.close(answer), ...more },
        label,
      );
    const dialog = h(
      "dialog",
      { class: "ask", "aria-labelledby": "ask-title", "data-testid": testid },
      h("h2", { id: "ask-title" }, title),
      h("p", {}, text),
      h(
        "div",
        { class: "ask-actions" },
        button("outline", "", no, { autofocus: true }),
        button("danger", "yes", yes, { "data-testid": yesTestid }),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
