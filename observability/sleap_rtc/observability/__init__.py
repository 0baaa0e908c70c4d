"""What the parts tell about themselves: logs now; metrics, traces and costs have their place here."""
