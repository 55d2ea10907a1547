"""The one place that looks into the environment."""

from __future__ import annotations

from pathlib import Path

from config.environment import API_DIRECTORY, PEOPLE_SOCKET, read_environment


def test_an_empty_environment_means_an_installed_system() -> None:
    """Without variables the sockets of the shipped units are used."""
    found = read_environment({"TREASURY_API": "", "TREASURY_LAW": ""})
    assert (API_DIRECTORY, PEOPLE_SOCKET, None) == (found.api, found.signer, found.law)
    assert not found.is_plain


def test_variables_name_the_sockets_and_the_law() -> None:
    """Each variable has one meaning."""
    found = read_environment(
        {
            "TREASURY_API": "/tmp/api",
            "TREASURY_SIGNER": "/tmp/people.sock",
            "TREASURY_LAW": "/tmp/law.toml",
            "NO_COLOR": "1",
        }
    )
    assert Path("/tmp/api") == found.api
    assert Path("/tmp/people.sock") == found.signer
    assert Path("/tmp/law.toml") == found.law
    assert found.is_plain
