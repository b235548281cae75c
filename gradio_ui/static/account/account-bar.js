// <account-bar>: the product name, the signed-in customer's name, and the sign-out button.
import { post, urlOf } from "../shared/api.js";
import { ask } from "../shared/ask.js";
import { h } from "../shared/dom.js";

const HANG_UP_FIRST = {
  title: "Hang up and sign out?",
  text: "You are in a call. It ends when you sign out.",
  yes: "Hang up and sign out",
  no: "Stay in the call",
  testid: "ask-sign-out",
  yesTestid: "sign-out-anyway",
};

class AccountBar extends HTMLElement {
  connectedCallback() {
    if (this.childElementCount) return;
    this.name = h("span", { class: "person", "data-testid": "account-name" });
    this.initial = h("span", { class: "avatar", "aria-hidden": "true" });
    this.signOutButton = h(
      "button",
      { type: "button", class: "button quiet", "data-testid": "sign-out", onclick: () => this.#signOut() },
      "Sign out",
    );
    this.append(
      h(
        "h1",
        { class: "brand" },
        h("img", { src: urlOf("/ui/icon.svg"), alt: "", width: 34, height: 34 }),
        h("span", {}, "Readback"),
      ),
      h("span", { class: "spring" }),
      this.initial,
      this.name,
      this.signOutButton,
    );
  }

  /** @param {{display_name: string, email: string} | null} account */
  set account(account) {
    const name = account?.display_name ?? "";
    this.name.textContent = name;
    this.name.title = account?.email ?? "";
    this.initial.textContent = [...name][0]?.toUpperCase() ?? "";
  }

  /** Signs this browser out. A call ends only if it is in this browser. */
  async #signOut() {
    const panel = document.querySelector("voice-panel");
    const inCall = await panel.inCallInThisBrowser();
    if (inCall && !(await ask(HANG_UP_FIRST))) return;
    this.signOutButton.disabled = true;
    if (inCall) await panel.hangUp();
    await post("/auth/logout").catch(() => {});
    location.replace(urlOf("/login"));
  }
}

customElements.define("account-bar", AccountBar);
