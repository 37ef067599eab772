"""The schema of `campaign.yaml`, one file per section."""
