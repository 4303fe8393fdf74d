"""A trained model over HTTP: TensorFlow Serving's REST API, and the page that is built on it."""
