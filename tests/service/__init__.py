"""Every rule of the service, on both stores."""
