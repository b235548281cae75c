// The sign-in page: one form to sign in or to sign up.
import { ApiError, request, urlOf } from "../shared/api.js";

const MODES = {
  "sign-in": {
    path: "/auth/login",
    title: "Welcome back",
    lead: "Sign in to call your travel agent.",
    submit: "Sign in",
    question: "New to Readback?",
    other: "Create an account",
    password: "current-password",
  },
  "sign-up": {
    path: "/auth/register",
    title: "Create your account",
    lead: "It takes a minute. Then you can call.",
    submit: "Create account",
    question: "Have an account?",
    other: "Sign in",
    password: "new-password",
  },
};
const FIELDS = { EMAIL_TAKEN: "email", WEAK_PASSWORD: "password", WRONG_CREDENTIALS: "password" };

const form = document.getElementById("sign-in");
const notice = form.querySelector("[role=alert]");
const submit = form.querySelector("[type=submit]");
let mode = "sign-in";
let sending = false;

function show(next) {
  mode = next;
  const texts = MODES[mode];
  form.dataset.mode = mode;
  form.querySelector("h1").textContent = texts.title;
  form.querySelector(".lead").textContent = texts.lead;
  submit.textContent = texts.submit;
  form.querySelector(".switch span").textContent = texts.question;
  form.querySelector("#switch").textContent = texts.other;
  form.password.autocomplete = texts.password;
  form.querySelector("[data-for=sign-up]").hidden = form.querySelector("#password-rule").hidden =
    mode !== "sign-up";
  document.title = `${texts.submit} · Readback`;
  showProblem("");
}

function showProblem(message, field) {
  notice.textContent = message;
  notice.hidden = !message;
  for (const input of form.querySelectorAll("input")) input.toggleAttribute("aria-invalid", false);
  if (!field) return;
  form[field].setAttribute("aria-invalid", "true");
  form[field].focus();
  form[field].select();
}

/** Marks the button as busy. A disabled button would lose the focus. */
function showSending(busy) {
  sending = busy;
  submit.setAttribute("aria-disabled", String(busy));
}

/** Returns the message and field of the first problem that can be found in the browser, or null. */
function firstProblem() {
  if (mode === "sign-up" && !form.display_name.value.trim())
    return ["Please enter your name.", "display_name"];
  if (!form.email.value.includes("@")) return ["Please enter your e-mail address.", "email"];
  if (!form.password.value) return ["Please enter your password.", "password"];
  if (mode === "sign-up" && form.password.value.length < 8)
    return ["The password needs 8 characters or more.", "password"];
  return null;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (sending) return;
  const problem = firstProblem();
  if (problem) return showProblem(...problem);
  showProblem("");
  showSending(true);
  const body = { email: form.email.value, password: form.password.value };
  if (mode === "sign-up") body.display_name = form.display_name.value;
  try {
    await request("POST", MODES[mode].path, body, { leave: false });
    location.replace(urlOf(`/${location.search}`));
  } catch (error) {
    const { message, reason, details } =
      error instanceof ApiError ? error : new ApiError("Something went wrong. Please try again.", "UNKNOWN");
    showProblem(message, FIELDS[reason] ?? details.fields?.find((name) => form[name]));
    showSending(false);
  }
});
form
  .querySelector("#switch")
  .addEventListener("click", () => show(mode === "sign-in" ? "sign-up" : "sign-in"));
show(location.hash === "#sign-up" ? "sign-up" : "sign-in");
