import { Code } from "@connectrpc/connect";
import { MantineProvider } from "@mantine/core";
import { PosternError } from "@postern/client";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { I18nextProvider } from "react-i18next";
import { expect, it } from "vitest";
import { type Language, startI18n } from "../i18n";
import { ErrorNote } from "./ErrorNote";

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

it.each([
  ["SERVER_BUSY", "Postern is at capacity", "Postern перегружен"],
  [
    "TOO_MANY_REQUESTS",
    "Too many of your queries are running",
    "Выполняется слишком много ваших запросов",
  ],
  ["TENANT_BUSY", "The database has no free connections", "В базе данных нет свободных соединений"],
])("%s has a title in both languages", async (reason, english, russian) => {
  const error = new PosternError(Code.ResourceExhausted, "busy", { reason });
  await show(error, "en");
  expect(screen.getByText(english)).toBeTruthy();
  await show(error, "ru");
  expect(screen.getByText(russian, { exact: false })).toBeTruthy();
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
