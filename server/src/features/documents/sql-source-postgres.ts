/** JSON in PostgreSQL: the key is computed by two functions of our own, immutable, so that indexes can be built on them. */
import { RANK, type Rank } from './document-values.ts'
import { DATE_DIGITS, DATE_OFFSET, KEY_BYTES, orderedDouble, rankedKey } from './ranked-key.ts'
import type { Path, SqlSource } from './sql-source.ts'
import { pickText, sql, textLiteral } from './sql-text.ts'

/** `document` is the SQL expression that holds the JSON text. */
export const postgresSource = (document: string): SqlSource => jsonSource(`${document}::json`, 0)

const bytes = (...values: number[]) => `'\\x${Buffer.from(values).toString('hex')}'::bytea`

function jsonSource(document: string, level: number): SqlSource {
  const value = (path: Path) => `(${document} #> ${pathLiteral(path)})`
  const isArray = (path: Path) => `(json_typeof(${value(path)})='array')`
  const elements = (path: Path) =>
    `json_array_elements(CASE WHEN ${isArray(path)} THEN ${value(path)} ELSE '[]'::json END)`
  const row = `e${level}`
  const elementKey = `sampan_key(${row}.value)`

  return {
    dialect: 'postgres',
    canAddress: () => true,
    keyOf: (operand) => rankedKey(operand, orderedDouble),
    bounds: (rank: Rank) => [bytes(rank), bytes(rank + 1)],
    arrayKey: bytes(RANK.array),
    unordered: [bytes(RANK.array), bytes(RANK.array + 1)],
    nullsFirst: true,
    key: (path) => `sampan_key_at(${document}, ${pathLiteral(path)})`,
    // The text is that of JSON.stringify: 15 digits are below 2^53.
    wholeNumber: (path) =>
      `(CASE WHEN json_typeof(${value(path)})='number' AND ${value(path)}::text ~ '^-{0,1}[0-9]{1,15}$' THEN (${value(path)}::text)::bigint END)`,
    exists: (path) => `${value(path)} IS NOT NULL`,
    isArray,
    containsText: () => undefined,
    equalsArray: (path, text) => sql(`${value(path)}::text = ?`, text),
    pick: (fields) => pickText(fields, (field) => `(${document} -> ${textLiteral(field)})::text`),
    arrayLength: (path) => `json_array_length(CASE WHEN ${isArray(path)} THEN ${value(path)} ELSE '[]'::json END)`,
    someElement(path, condition) {
      const inner = condition(elementKey)
      return sql(`EXISTS(SELECT 1 FROM ${elements(path)} AS ${row}(value) WHERE ${inner.text})`, ...inner.params)
    },
    someObject(path, condition) {
      const inner = condition(jsonSource(`${row}.value`, level + 1))
      const isObject = `json_typeof(${row}.value)='object' AND substr(${row}.value::text,1,3)<>'{"$'`
      return sql(
        `EXISTS(SELECT 1 FROM ${elements(path)} AS ${row}(value) WHERE ${isObject} AND ${inner.text})`,
        ...inner.params,
      )
    },
    arraySortKey: (path, direction) => ({
      notEmpty: `${value(path)}::text <> '[]'`,
      key: `(SELECT ${elementKey} FROM ${elements(path)} AS ${row}(value) ORDER BY ${elementKey} ${direction === 1 ? 'ASC NULLS FIRST' : 'DESC NULLS LAST'} LIMIT 1)`,
    }),
  }
}

/** An array of text, written out: index expressions must be the same text everywhere. */
const pathLiteral = (path: Path) =>
  `${textLiteral(`{${path.map((part) => `"${part.replace(/["\\]/g, '\\$&')}"`).join(',')}}`)}::text[]`

/** Created when the engine opens; replacing them with the same text changes nothing. */
export const POSTGRES_FUNCTIONS = [
  `CREATE OR REPLACE FUNCTION sampan_number_key(number float8) RETURNS bytea LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $body$
DECLARE key bytea := float8send(CASE WHEN number = 0 THEN 0 ELSE number END);
BEGIN
  IF number >= 0 THEN
    key := set_byte(key, 0, get_byte(key, 0) | 128);
  ELSE
    FOR place IN 0..7 LOOP key := set_byte(key, place, 255 - get_byte(key, place)); END LOOP;
  END IF;
  RETURN ${bytes(RANK.number)} || key;
END $body$`,
  `CREATE OR REPLACE FUNCTION sampan_key(value json) RETURNS bytea LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $body$
DECLARE
  kind text := json_typeof(value);
  content text;
  key bytea;
BEGIN
  IF kind = 'string' THEN
    key := ${bytes(RANK.text)} || convert_to(value #>> '{}', 'UTF8');
  ELSIF kind = 'number' THEN
    RETURN sampan_number_key((value #>> '{}')::float8);
  ELSIF kind = 'boolean' THEN
    RETURN CASE WHEN value::text = 'true' THEN ${bytes(RANK.boolean, 1)} ELSE ${bytes(RANK.boolean, 0)} END;
  ELSIF kind = 'array' THEN
    RETURN ${bytes(RANK.array)};
  ELSIF kind = 'object' THEN
    content := value::text;
    IF substr(content, 1, 3) <> '{"$' THEN
      key := ${bytes(RANK.object)} || convert_to(content, 'UTF8');
    ELSIF value -> '$date' IS NOT NULL THEN
      RETURN ${bytes(RANK.date)} || convert_to(lpad(((value ->> '$date')::numeric + ${DATE_OFFSET})::text, ${DATE_DIGITS}, '0'), 'UTF8');
    ELSIF value -> '$oid' IS NOT NULL THEN
      RETURN ${bytes(RANK.objectId)} || convert_to(value ->> '$oid', 'UTF8');
    ELSIF value -> '$numberLong' IS NOT NULL THEN
      RETURN sampan_number_key((value ->> '$numberLong')::float8);
    ELSIF value -> '$numberDouble' IS NOT NULL THEN
      RETURN CASE WHEN value ->> '$numberDouble' = 'NaN' THEN ${bytes(RANK.nan)}
        ELSE sampan_number_key((value ->> '$numberDouble')::float8) END;
    ELSIF value -> '$regularExpression' IS NOT NULL THEN
      key := ${bytes(RANK.regex)} || convert_to(content, 'UTF8');
    ELSIF value -> '$binary' IS NOT NULL THEN
      key := ${bytes(RANK.binary)} || convert_to(content, 'UTF8');
    ELSE
      key := ${bytes(RANK.timestamp)} || convert_to(content, 'UTF8');
    END IF;
  END IF;
  IF length(key) > ${KEY_BYTES} THEN
    RETURN substring(key FROM 1 FOR ${KEY_BYTES}) || convert_to(md5(key), 'UTF8');
  END IF;
  RETURN key;
END $body$`,
  `CREATE OR REPLACE FUNCTION sampan_key_at(document json, path text[]) RETURNS bytea LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $body$
DECLARE
  current_value json := document;
  part text;
BEGIN
  FOREACH part IN ARRAY path LOOP
    IF json_typeof(current_value) = 'array' THEN RETURN ${bytes(RANK.array)}; END IF;
    IF json_typeof(current_value) <> 'object' THEN RETURN NULL; END IF;
    current_value := current_value -> part;
    IF current_value IS NULL THEN RETURN NULL; END IF;
  END LOOP;
  RETURN sampan_key(current_value);
END $body$`,
]
