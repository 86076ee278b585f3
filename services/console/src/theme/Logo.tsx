import styles from "./Logo.module.css";

/** A postern: a small gate, half open, in a battlemented wall. */
export function Logo({ size = 22 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" className={styles.logo}>
      <path d="M3 21V4h4.4v3h2.4V4h4.4v3h2.4V4H21v17h-5.6v-5a3.4 3.4 0 0 0-6.8 0v5z" />
      <path className={styles.leaf} d="M12 13.9a2.1 2.1 0 0 1 2.1 2.1v5L12 19.6z" />
    </svg>
  );
}
