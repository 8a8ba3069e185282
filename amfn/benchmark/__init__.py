"""All systems on the same folds of one cohort: who is better, by how much, and what happens when modalities go missing.

systems: what is compared. units: one (system, seed, fold), kept in a file. fitting: how one is trained and asked.
removal: which modalities are taken away. figures, forecast: measures with paired bootstrap. report: tables and Parquet.
"""
