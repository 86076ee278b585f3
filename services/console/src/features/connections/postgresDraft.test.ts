import { AccessMode, TlsMode } from "@postern/client";
import { describe, expect, it } from "vitest";
import {
  blankPostgres,
  fillFrom,
  needsPassword,
  type PostgresDraft,
  postgresChange,
  postgresProblems,
} from "./postgresDraft";
import { entered, storedSecret } from "./secretDraft";

const stored: PostgresDraft = {
  name: "shop",
  host: "db.example.com",
  port: "5432",
  database: "shop",
  user: "reader",
  password: storedSecret,
  tls: "verify",
  ca: "",
  readOnly: true,
};

describe("needsPassword", () => {
  it.each<[string, Partial<PostgresDraft>, boolean]>([
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
  ])("changing %s (%j) requires the password: %s", (_what, change, needed) => {
    expect(needsPassword({ ...stored, ...change }, stored)).toBe(needed);
  });

  it("changing the user when the database defaults to it requires the password", () => {
    const nameless = { ...stored, database: "" };
    expect(needsPassword({ ...nameless, user: "writer" }, nameless)).toBe(true);
  });
});

describe("postgresProblems", () => {
  it("requires every mandatory field of a new connection", () => {
    expect(postgresProblems(blankPostgres, null)).toEqual({
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
      password: entered("x"),
    };
    expect(postgresProblems(draft, null)).toEqual({
      name: "name",
      host: "host",
      port: "port",
      ca: "ca",
    });
  });

  it("rejects a name that ends with a dash", () => {
    expect(postgresProblems({ ...stored, name: "shop-" }, stored)).toEqual({ name: "name" });
  });

  it("requires the password again only when the endpoint changes", () => {
    expect(postgresProblems(stored, stored)).toEqual({});
    expect(postgresProblems({ ...stored, host: "elsewhere" }, stored)).toEqual({
      password: "passwordAgain",
    });
    expect(
      postgresProblems({ ...stored, host: "elsewhere", password: entered("x") }, stored),
    ).toEqual({});
  });
});

describe("postgresChange", () => {
  it("omits an empty password, so that the stored one is kept", () => {
    expect(postgresChange(stored, 3n)).not.toHaveProperty("password");
    expect(postgresChange({ ...stored, password: entered(" p ") }, 3n).password).toBe(" p ");
  });

  it("trims the CA, as the server does, and maps the modes", () => {
    const ca = "-----BEGIN CERTIFICATE-----\r\nMIIB\r\n-----END CERTIFICATE-----";
    expect(
      postgresChange({ ...stored, ca: `\n${ca}\n`, readOnly: false, tls: "disable" }, 3n),
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
    expect(
      fillFrom(blankPostgres, { ...dsn, host: "db.example.com", database: "Shop_EU" }).name,
    ).toBe("shop-eu");
    expect(
      fillFrom(blankPostgres, { ...dsn, host: "acme.example.com", database: "postgres" }).name,
    ).toBe("acme");
    expect(fillFrom(blankPostgres, { ...dsn, host: "10.0.0.1", database: "" }).name).toBe("");
  });

  it("does not overwrite a name that was entered", () => {
    expect(
      fillFrom({ ...blankPostgres, name: "mine" }, { ...dsn, host: "h", database: "d" }).name,
    ).toBe("mine");
  });
});
