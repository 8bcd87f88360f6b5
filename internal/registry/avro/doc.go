// Package avro knows Avro schemas as the registry needs them: it parses untrusted
// schema text within limits, prints it exactly as Apache Avro for Java does,
// compares two versions with the verdicts of Java's SchemaCompatibility, and
// says in plain words what changed.
//
// It owns the rules only: text in, answer out, standard library only, no time,
// network or storage. It does not encode or decode data, knows no subjects,
// versions or ids, and does not fetch references; the registry does that and
// hands the texts over in dependency order. The registry and its REST door call
// it, and so do the offline commands that check and compare schemas.
//
// # The reference implementation
//
// Apache Avro Java 1.12.1 is the law, because Confluent's registry answers with
// it: what it refuses is refused here, what it accepts is accepted, the printed
// text is equal byte for byte, and every incompatibility has the same type, path
// and message. Where its behaviour looks odd, a comment names the odd behaviour
// and a test keeps it. The differences, all deliberate:
//
//   - limits: bytes, depth, nodes, names, references and steps are bounded;
//   - text must be valid Unicode: lone surrogates and invalid UTF-8 are refused;
//   - doubles print as JDK 19 and later do (shortest digits), which JDK 17
//     does not do for a few values (2.0E23);
//   - anything but white space after the schema is refused at every length.
package avro
