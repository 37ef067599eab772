"""`mlipsse env`: the environments of potentials that cannot be installed beside mace-torch."""

import json
from typing import Annotated, Any

import typer

from mlipsse.cli.options import CommandGroup, Json

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the environment: sevennet.")]

app = typer.Typer(
    cls=CommandGroup,
    help="Make, list and remove Python environments of other potentials (SevenNet).",
)


@app.callback()
def environments() -> None:
    """Group the commands."""


@app.command("make")
def make(name: Name, as_json: Json = False) -> None:
    """Make an environment with pinned packages; all else, torch too, is shared with this one.

    Nothing happens when it is there. An incomplete or older one is made anew.
    """
    from mlipsse.energetics.environments.environment import environment

    found = environment(name)
    made = found.make()
    if as_json:
        print(json.dumps({"made": made, **_facts(found)}, indent=1))
        return
    print(f"{name}: {found.state}, {found.size_MB:.0f} MB in {found.folder}")
    print("Made." if made else "It was there already.")


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List the environments that can be made, with their potentials, state, size and folder."""
    from mlipsse.energetics.environments.environment import environments

    found = environments()
    if as_json:
        print(json.dumps([_facts(one) for one in found], indent=1))
        return
    for one in found:
        print(f"{one.recipe.name}: {one.state}")
        if one.made:
            print(f"  {one.size_MB:.0f} MB in {one.folder}")
        print(f"  why: {one.recipe.why}")
        print(f"  potentials: {', '.join(one.recipe.potentials)}")
        print(f"  reference: {one.recipe.reference}")


@app.command("remove")
def remove(name: Name) -> None:
    """Remove an environment; `make` makes it again."""
    from mlipsse.energetics.environments.environment import environment

    found = environment(name)
    print(f"Removed {found.folder}." if found.remove() else f"{name} was not there.")


def _facts(one: Any) -> dict[str, Any]:
    return {
        "name": one.recipe.name,
        "usable": one.made,
        "state": one.state,
        "package": one.recipe.package,
        "version": one.recipe.version,
        "size_MB": round(one.size_MB, 1) if one.made else None,
        "folder": str(one.folder),
        "python": str(one.python),
        "potentials": list(one.recipe.potentials),
    }
