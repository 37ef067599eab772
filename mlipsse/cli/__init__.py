"""The command line: one thin file per command, errors as sentences, exit code 2 for the user's."""

import sys

import typer

from mlipsse.cli import (
    dataset,
    environments,
    lmp,
    md,
    orderings,
    potential,
    screen,
    study,
    transport,
)
from mlipsse.cli.campaign import doctor, init, learning_curve, run, schema, status, validate
from mlipsse.cli.options import CommandGroup
from mlipsse.errors import MlipsseError

app = typer.Typer(
    cls=CommandGroup,
    help="From a disordered solid electrolyte to an ionic conductivity with an error bar.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("init")(init.init)
app.command("validate")(validate.validate)
app.command("schema")(schema.schema)
app.command("doctor")(doctor.doctor)
app.command("run")(run.run)
app.command("status")(status.status)
app.command("lmp", context_settings=lmp.PASSED_ON)(lmp.lmp)
app.command("learning-curve", hidden=True)(learning_curve.learning_curve)  # its former name
app.add_typer(dataset.app, name="dataset")
app.add_typer(environments.app, name="env")
app.add_typer(md.app, name="md")
app.add_typer(orderings.app, name="orderings")
app.add_typer(potential.app, name="potential")
app.add_typer(screen.app, name="screen")
study.app.command("size")(learning_curve.learning_curve)
app.add_typer(study.app, name="study")
app.add_typer(transport.app, name="transport")


def main() -> None:
    """Run the command line; a user's error ends in one message and exit code 2."""
    try:
        app()
    except MlipsseError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.filename is None:  # not about a given path
            raise
        print(
            f"Error: {error.filename} cannot be used: {error.strerror}. Give another path, or "
            "make this one usable.",
            file=sys.stderr,
        )
        sys.exit(2)
    except KeyboardInterrupt:
        print(
            "Interrupted. Finished work is kept; run the command again to continue.",
            file=sys.stderr,
        )
        sys.exit(130)
