package io.readback.client;

import com.google.gson.FieldNamingPolicy;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/** The file with the session at one address, which `readback login` writes too. Only its user can read it. */
final class CredentialsFile {
    private static final Gson GSON =
        new GsonBuilder().setFieldNamingPolicy(FieldNamingPolicy.LOWER_CASE_WITH_UNDERSCORES).create();
    private final Path path;

    /** Tokens of a session; `accessExpires` is in seconds since the epoch. */
    record Credentials(String email, String accessToken, double accessExpires, String refreshToken) {
        @Override
        public String toString() {
            return "Credentials(…)";
        }
    }

    CredentialsFile(String identityAddress) {
        String configured = System.getenv("XDG_CONFIG_HOME");
        Path config = configured == null || configured.isEmpty()
            ? Path.of(System.getProperty("user.home"), ".config") : Path.of(configured);
        String name = URLEncoder.encode(identityAddress, StandardCharsets.UTF_8)
            .replace("+", "%20").replace("*", "%2A")
            .replace("%7E", "~").replace("%3A", ":").replace("%2C", ",");
        path = config.resolve("readback").resolve(name + ".json");
    }

    /** Return the saved credentials; null if the file is missing or invalid. */
    Credentials read() {
        try {
            var found = GSON.fromJson(Files.readString(path), Credentials.class);
            boolean valid = found != null && found.accessToken() != null && found.refreshToken() != null;
            return valid ? found : null;
        } catch (NoSuchFileException | JsonParseException missing) {
            return null;
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** Replace the file atomically. */
    void save(Credentials credentials) {
        try {
            Files.createDirectories(path.getParent(), permitted("rwx------"));
            Path scratch = Files.createTempFile(path.getParent(), "session", ".tmp", permitted("rw-------"));
            try {
                try (var file = FileChannel.open(scratch, StandardOpenOption.WRITE)) {
                    var bytes = ByteBuffer.wrap(GSON.toJson(credentials).getBytes(StandardCharsets.UTF_8));
                    while (bytes.hasRemaining()) {
                        file.write(bytes);
                    }
                    file.force(true);
                }
                Files.move(scratch, path, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(scratch);
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    void delete() {
        try {
            Files.deleteIfExists(path);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static FileAttribute<Set<PosixFilePermission>> permitted(String permissions) {
        return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions));
    }
}
