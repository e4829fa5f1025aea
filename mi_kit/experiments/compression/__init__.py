"""Dong and Hisham: Using information theory to enhance the understanding of deep neural networks. Notebook 05."""
