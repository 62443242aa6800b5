import { type RawBuilder, sql } from 'kysely';

/** `values (…), (…)`: a list that a statement joins or looks in. At least one row. */
export function rowsOf(rows: readonly (readonly string[])[]): RawBuilder<unknown> {
  return sql`values ${sql.join(rows.map((row) => sql`(${sql.join(row)})`))}`;
}
