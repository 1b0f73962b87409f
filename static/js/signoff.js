/* Sign-off: how much of the checklist is answered, and how long the alt text may still be.
   The form works without it; the server asks for every answer again. */
(() => {
  "use strict";

  const form = document.getElementById("checklist");
  document.querySelector("dialog[data-open-now]")?.showModal();
  if (!form) return;

  const altText = form.elements.alt_text;
  const left = document.getElementById("alt-text-left");
  const answered = document.getElementById("answered");

  const show = () => {
    const rest = altText.maxLength - altText.value.length;
    left.textContent = rest < 100 ? `${rest} characters left` : "";
    const answers = [altText.value.trim(), form.elements.synthetic_performer.value, form.elements.disclosure.value];
    if (form.elements.brand_checked) answers.push(form.elements.brand_checked.checked);
    const done = answers.filter(Boolean).length;
    answered.textContent = done === answers.length ? "All answered" : `${done} of ${answers.length} answered`;
  };
  form.addEventListener("input", show);
  show();
})();
