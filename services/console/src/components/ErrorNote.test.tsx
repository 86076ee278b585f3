import { Code } from "@connectrpc/connect";
import { MantineProvider } from "@mantine/core";
import { PosternError } from "@postern/client";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { I18nextProvider } from "react-i18next";
import { expect, it } from "vitest";
import reasons from "../../../../tests/vectors/reasons.json";
import { type Language, startI18n } from "../i18n";
import en from "../i18n/en.json";
import ru from "../i18n/ru.json";
import { ErrorNote } from "./ErrorNote";

const titled = (texts: typeof en) => Object.keys(texts.error.reason);

async function show(error: PosternError, language: Language = "en") {
  const i18n = await startI18n(language);
  render(
    <I18nextProvider i18n={i18n}>
      <MantineProvider>
        <ErrorNote error={error} />
      </MantineProvider>
    </I18nextProvider>,
  );
}

it.each(reasons)("the reason %s has a title in every language", (reason) => {
  for (const texts of [en, ru]) expect(titled(texts)).toContain(reason);
});

it("no title is that of a reason that does not exist", () => {
  for (const texts of [en, ru]) expect(reasons).toEqual(expect.arrayContaining(titled(texts)));
});

it("a reason's title is shown in the user's language", async () => {
  const error = new PosternError(Code.ResourceExhausted, "busy", { reason: "SERVER_BUSY" });
  await show(error, "en");
  expect(screen.getByText("Postern is at capacity")).toBeTruthy();
  await show(error, "ru");
  expect(screen.getByText("Postern перегружен")).toBeTruthy();
});

it("an error without a known reason has the title of its status code", async () => {
  await show(new PosternError(Code.Unavailable, "down", { reason: "NEWER_THAN_THIS_CONSOLE" }));
  expect(screen.getByText("Service unavailable")).toBeTruthy();
});

it("a retry delay is shown in a suitable unit", async () => {
  await show(new PosternError(Code.ResourceExhausted, "busy", { retryAfter: 2000 }));
  expect(screen.getByText("Try again in 2 sec.")).toBeTruthy();
});

it.each([Code.Internal, Code.Unavailable])(
  "error code %i shows a request ID that can be copied",
  async (code) => {
    const user = userEvent.setup();
    await show(new PosternError(code, "failed", { requestId: "4f1c" }));
    await user.click(screen.getByRole("button", { name: "Copy request ID" }));
    expect(await window.navigator.clipboard.readText()).toBe("4f1c");
  },
);

it("an error that the user can fix shows no request ID", async () => {
  await show(new PosternError(Code.NotFound, "gone", { requestId: "4f1c" }));
  expect(screen.queryByText("4f1c")).toBeNull();
});
