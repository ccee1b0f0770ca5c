"""What people see: one page per modality, drawn with Gradio."""
