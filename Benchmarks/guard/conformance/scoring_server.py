"""MLflow's own scoring server for a fitted scikit-learn model.

    scoring_server.py save MODEL FOLDER
    scoring_server.py serve FOLDER PORT
"""
import sys

import joblib
import mlflow.sklearn
import uvicorn
from mlflow.pyfunc import load_model, scoring_server

if sys.argv[1] == "save":
    # No requirements: nothing is installed to serve it.
    mlflow.sklearn.save_model(joblib.load(sys.argv[2]), sys.argv[3], pip_requirements=[])
else:
    app = scoring_server.init(load_model(sys.argv[2]))
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[3]), log_level="error")
