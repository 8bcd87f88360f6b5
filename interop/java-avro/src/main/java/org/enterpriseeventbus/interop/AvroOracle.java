package org.enterpriseeventbus.interop;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaNormalization;

/**
 * Answers, one JSON line for one JSON line, what Apache Avro says of a pair of schemas.
 *
 * <p>Request: {"id", "reader", "writer", "references": [texts], "lax": bool}; the schemas are JSON <em>strings</em>
 * that hold schema texts, so that duplicate keys and number spellings reach Avro untouched. "writer" may be absent.
 *
 * <p>Answer: {"id", "verdict", "detail", "canonicalReader", "canonicalWriter", "parsingReader", "resolvedReader",
 * "readerError", "writerError"}; verdict is OK, INCOMPATIBLE, EXC (Avro throws), PARSE_ERROR, or NONE (no writer).
 * The parser is set as a Confluent registry sets it for new schemas (strict names, defaults validated) or, with
 * "lax", as it sets it for lookups.
 */
public final class AvroOracle {
  private static final ObjectMapper JSON = new ObjectMapper(new JsonFactory());

  private AvroOracle() {}

  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 16);
    BufferedWriter out = new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8), 1 << 16);
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      out.write(JSON.writeValueAsString(answer(JSON.readTree(line))));
      out.write('\n');
      if (!in.ready()) {
        out.flush();
      }
    }
    out.flush();
  }

  private static ObjectNode answer(JsonNode request) {
    ObjectNode answer = JSON.createObjectNode();
    answer.set("id", request.get("id"));
    Parsed reader = parse(request, "reader", answer);
    Parsed writer = request.hasNonNull("writer") ? parse(request, "writer", answer) : null;
    if (reader.schema == null || (writer != null && writer.schema == null)) {
      return answer.put("verdict", "PARSE_ERROR");
    }
    if (writer == null) {
      return answer.put("verdict", "NONE");
    }
    try {
      SchemaCompatibility.SchemaCompatibilityResult result =
          SchemaCompatibility.checkReaderWriterCompatibility(reader.schema, writer.schema).getResult();
      boolean ok = result.getCompatibility() == SchemaCompatibility.SchemaCompatibilityType.COMPATIBLE;
      answer.put("verdict", ok ? "OK" : "INCOMPATIBLE");
      answer.put("detail", result.getIncompatibilities().stream()
          .map(i -> i.getType() + "@" + i.getLocation() + ":" + i.getMessage())
          .collect(Collectors.joining(" | ")));
    } catch (RuntimeException | StackOverflowError e) {
      answer.put("verdict", "EXC").put("detail", String.valueOf(e));
    }
    return answer;
  }

  private record Parsed(Schema schema) {}

  private static Parsed parse(JsonNode request, String role, ObjectNode answer) {
    String suffix = role.substring(0, 1).toUpperCase() + role.substring(1);
    try {
      boolean lax = request.path("lax").asBoolean(false);
      Schema.Parser parser = new Schema.Parser(lax ? NameValidator.NO_VALIDATION : NameValidator.STRICT_VALIDATOR);
      parser.setValidateDefaults(!lax);
      List<Schema> references = new ArrayList<>();
      for (JsonNode text : request.path("references")) {
        references.add(parser.parse(text.textValue()));
      }
      Schema schema = parser.parse(request.get(role).textValue());
      answer.put("canonical" + suffix, schema.toString(references, false));
      answer.put("resolved" + suffix, schema.toString());
      answer.put("parsing" + suffix, SchemaNormalization.toParsingForm(schema));
      answer.put("fingerprint" + suffix, String.format("%016x", SchemaNormalization.parsingFingerprint64(schema)));
      return new Parsed(schema);
    } catch (RuntimeException | StackOverflowError e) {
      answer.put(role + "Error", String.valueOf(e.getMessage()));
      return new Parsed(null);
    }
  }
}
