"""One record's estimate and its explanation as documents to keep: PDF, HTML and FHIR. Knows no screen."""
