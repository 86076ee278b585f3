import { AccessMode, TlsMode } from "@postern/client";
import { describe, expect, it } from "vitest";
import { blankDraft, changeOf, type Draft, fillFrom, needsPassword, problemsOf } from "./draft";

const stored: Draft = {
  name: "shop",
  host: "db.example.com",
  port: "5432",
  database: "shop",
  user: "reader",
  password: "",
  tls: "verify",
  ca: "",
  readOnly: true,
};

describe("needsPassword", () => {
  it.each<[string, Partial<Draft>, boolean]>([
    ["nothing", {}, false],
    ["the role", { user: "writer" }, false],
    ["the access mode", { readOnly: false }, false],
    ["the case of the host", { host: "DB.example.com" }, false],
    ["the port from its default to empty", { port: "" }, false],
    ["the host", { host: "other.example.com" }, true],
    ["the port", { port: "6543" }, true],
    ["the database", { database: "other" }, true],
    ["the TLS mode", { tls: "disable" }, true],
    ["the CA", { ca: "-----BEGIN CERTIFICATE-----\nMIIB" }, true],
  ])("changing %s", (_what, change, needed) => {
    expect(needsPassword({ ...stored, ...change }, stored)).toBe(needed);
  });

  it("changing the user when the database defaults to it requires the password", () => {
    const nameless = { ...stored, database: "" };
    expect(needsPassword({ ...nameless, user: "writer" }, nameless)).toBe(true);
  });
});

describe("problemsOf", () => {
  it("requires every mandatory field of a new connection", () => {
    expect(problemsOf(blankDraft, null)).toEqual({
      name: "required",
      host: "required",
      user: "required",
      password: "required",
    });
  });

  it("reports malformed fields", () => {
    const draft = {
      ...stored,
      name: "My shop",
      host: "db:5432",
      port: "70000",
      ca: "cert",
      password: "x",
    };
    expect(problemsOf(draft, null)).toEqual({ name: "name", host: "host", port: "port", ca: "ca" });
  });

  it("rejects a name that ends with a dash", () => {
    expect(problemsOf({ ...stored, name: "shop-" }, stored)).toEqual({ name: "name" });
  });

  it("requires the password again only when the endpoint changes", () => {
    expect(problemsOf(stored, stored)).toEqual({});
    expect(problemsOf({ ...stored, host: "elsewhere" }, stored)).toEqual({
      password: "passwordAgain",
    });
    expect(problemsOf({ ...stored, host: "elsewhere", password: "x" }, stored)).toEqual({});
  });
});

describe("changeOf", () => {
  it("omits an empty password, so that the stored one is kept", () => {
    expect(changeOf(stored, 3n)).not.toHaveProperty("password");
    expect(changeOf({ ...stored, password: " p " }, 3n).password).toBe(" p ");
  });

  it("trims the CA, as the server does, and maps the modes", () => {
    const ca = "-----BEGIN CERTIFICATE-----\r\nMIIB\r\n-----END CERTIFICATE-----";
    expect(
      changeOf({ ...stored, ca: `\n${ca}\n`, readOnly: false, tls: "disable" }, 3n),
    ).toMatchObject({
      expectedVersion: 3n,
      postgres: {
        caPem: ca,
        accessMode: AccessMode.READ_WRITE,
        tlsMode: TlsMode.DISABLE,
        port: 5432,
      },
    });
  });
});

describe("fillFrom", () => {
  const dsn = { port: 5432, user: "postgres", password: "x", sslmode: "verify-full" } as const;

  it("suggests a meaningful name", () => {
    expect(fillFrom(blankDraft, { ...dsn, host: "db.example.com", database: "Shop_EU" }).name).toBe(
      "shop-eu",
    );
    expect(
      fillFrom(blankDraft, { ...dsn, host: "acme.example.com", database: "postgres" }).name,
    ).toBe("acme");
    expect(fillFrom(blankDraft, { ...dsn, host: "10.0.0.1", database: "" }).name).toBe("");
  });

  it("does not overwrite a name that was entered", () => {
    expect(
      fillFrom({ ...blankDraft, name: "mine" }, { ...dsn, host: "h", database: "d" }).name,
    ).toBe("mine");
  });
});
