"""Skills: leaders, specialists, workflows and customisations of a BMAD project."""
