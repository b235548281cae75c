"""The files with saved logins. Without gRPC, so that commands which may not need it start fast."""

from __future__ import annotations

from readback_client.session import CredentialsFile

from mesh.settings import ConfigurationError, MeshSettings, user_folder


def credentials_file(settings: MeshSettings) -> CredentialsFile:
    """Return the file with the login at the identity service's address.

    It is in the user's configuration folder (XDG), or in `READBACK_HOME` if the user has none.
    """
    try:
        folder = user_folder("XDG_CONFIG_HOME", ".config") / "readback"
    except ConfigurationError:
        folder = settings.home / "logins"
    return CredentialsFile.in_folder(folder, settings.address_of("identity"), settings.home / "login.json")
