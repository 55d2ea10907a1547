"""The one place that looks into the environment."""

from __future__ import annotations

from config.environment import (
    API_DIRECTORY,
    PEOPLE_SOCKET,
    inherited_sockets,
    read_environment,
)


def test_an_empty_environment_means_an_installed_system() -> None:
    """Without variables the sockets of the shipped units are used."""
    found = read_environment({"TREASURY_API": "", "TREASURY_LAW": ""})
    assert (API_DIRECTORY, PEOPLE_SOCKET, "") == (found.api, found.signer, found.law)
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
    assert "/tmp/api" == found.api
    assert "/tmp/people.sock" == found.signer
    assert "/tmp/law.toml" == found.law
    assert found.is_plain


def test_sockets_of_systemd_are_taken_by_name() -> None:
    """Descriptors begin at 3 and carry the names of the socket units."""
    variables = {"LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "reader:service"}
    assert {"reader": 3, "service": 4} == inherited_sockets(7, variables)


def test_sockets_meant_for_another_process_are_not_taken() -> None:
    """A child that inherits the variables does not take its parent's sockets."""
    variables = {"LISTEN_PID": "7", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "reader"}
    assert {} == inherited_sockets(8, variables)
    assert {} == inherited_sockets(7, {"LISTEN_PID": "7", "LISTEN_FDS": "x"})
