"""What would stop a campaign, looked for before it costs time: potentials, machine, production."""
