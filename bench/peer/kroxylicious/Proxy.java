import io.kroxylicious.proxy.KafkaProxy;
import io.kroxylicious.proxy.config.ConfigParser;
import io.kroxylicious.proxy.config.ServiceBasedPluginFactoryRegistry;
import io.kroxylicious.proxy.internal.config.Features;
import java.nio.file.Files;
import java.nio.file.Path;

/** What Kroxylicious's own program does: run the proxy that a file describes. */
class Proxy {
    public static void main(String[] args) throws Exception {
        var config = new ConfigParser().parseConfiguration(Files.readString(Path.of(args[0])));
        try (var proxy = new KafkaProxy(new ServiceBasedPluginFactoryRegistry(), config, Features.defaultFeatures())) {
            proxy.startup();
            proxy.block();
        }
    }
}
