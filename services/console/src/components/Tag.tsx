import type { LucideIcon } from "lucide-react";
import type { ComponentPropsWithRef } from "react";
import styles from "./Tag.module.css";

interface Props extends ComponentPropsWithRef<"span"> {
  icon?: LucideIcon;
  tone?: "plain" | "good" | "warn";
}

/** A small label that shows one fact, such as a row count. */
export function Tag({ icon: Icon, tone = "plain", className = "", children, ...rest }: Props) {
  return (
    <span
      className={`${styles.tag} ${tone === "plain" ? "" : styles[tone]} ${className}`}
      {...rest}
    >
      {Icon && <Icon size={12} aria-hidden="true" />}
      {children}
    </span>
  );
}
