"""A campaign is a folder with a `campaign.yaml`: config, ten stages, and how they resume."""
