import { describe, expect, it } from "vitest";
import { type DsnProblem, isHost, readDsn } from "./dsn";

function read(text: string) {
  const reading = readDsn(text);
  return reading.ok ? reading.dsn : reading.problem;
}

describe("readDsn", () => {
  it("parses a complete string", () => {
    expect(read("postgresql://app:s3cret@db.example.com:6543/shop?sslmode=verify-full")).toEqual({
      host: "db.example.com",
      port: 6543,
      database: "shop",
      user: "app",
      password: "s3cret",
      tls: "verify",
    });
  });

  it("leaves unspecified parts empty", () => {
    const expected = {
      host: "db",
      port: 0,
      database: "",
      user: "app",
      password: null,
      tls: "verify",
    };
    expect(read("postgres://app@db")).toEqual(expected);
    expect(read("  postgres://app:@db/  ")).toEqual(expected);
  });

  it("decodes percent-encoding, including in the password", () => {
    expect(read("postgres://a%40b:p%40ss%2Fw%3Ard%25@db/my%20shop")).toMatchObject({
      user: "a@b",
      password: "p@ss/w:rd%",
      database: "my shop",
    });
  });

  it("reads IPv6 addresses from their brackets", () => {
    expect(read("postgres://a:b@[2001:db8::1]:5433/x")).toMatchObject({
      host: "2001:db8::1",
      port: 5433,
    });
  });

  it("does not take a placeholder for the password", () => {
    expect(
      read("postgresql://postgres:[YOUR-PASSWORD]@db.abc.supabase.co:5432/postgres"),
    ).toMatchObject({
      host: "db.abc.supabase.co",
      password: null,
    });
  });

  it.each([
    ["disable", "disable"],
    ["require", "verify"],
    ["verify-full", "verify"],
  ])("treats sslmode=%s as %s", (mode, tls) => {
    expect(read(`postgres://a:b@c/d?sslmode=${mode}`)).toMatchObject({ tls });
  });

  it.each<[string, DsnProblem]>([
    ["mysql://a:b@c/d", "scheme"],
    ["a:b@c/d", "scheme"],
    ["", "scheme"],
    ["postgres://db.example.com/shop", "user"],
    ["postgres://:secret@db/shop", "user"],
    ["postgres://a:b@", "host"],
    ["postgres://a:b@/shop", "host"],
    ["postgres://a:b@under the bridge/x", "host"],
    ["postgres://a:b@[db]/x", "host"],
    ["postgres://a:b@%2Fvar%2Frun/x", "host"],
    ["postgres://a:b@one,two/x", "hosts"],
    ["postgres://a:b@c:0/x", "port"],
    ["postgres://a:b@c:65536/x", "port"],
    ["postgres://a:b@c:54x2/x", "port"],
    ["postgres://a:b@c/x/y", "path"],
    ["postgres://a:p@ss@c/x", "encoding"],
    ["postgres://a:p:ss@c/x", "encoding"],
    ["postgres://a:100%@c/x", "encoding"],
    ["postgres://a:p#ss@c/x", "encoding"],
    ["postgres://a:b@c/x?options=-c", "parameter"],
    ["postgres://a:b@c/x?sslmode=disable&application_name=x", "parameter"],
    ["postgres://a:b@c/x?sslmode=prefer", "sslmode"],
    ["postgres://a:b@c/x?sslmode", "sslmode"],
  ])("rejects %s: %s", (text, problem) => {
    expect(read(text)).toBe(problem);
  });
});

describe("isHost", () => {
  it.each(["localhost", "db.example.com", "10.0.0.1", "::1", "my_db"])("accepts %s", (host) => {
    expect(isHost(host)).toBe(true);
  });

  it.each(["", "db:5432", "-db", "a b", "db/x", "user@db"])("rejects %j", (host) => {
    expect(isHost(host)).toBe(false);
  });
});
