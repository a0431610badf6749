"""LL7xx: rules on how models are trained and judged."""

from __future__ import annotations

from labline_compiler.findings.model import Rule

TITLE = "Modelling"

RULES = (
    Rule(
        "LL701",
        "trained on held-out rows",
        "warning",
        "The model, or what prepares its data, is fitted on rows that are held out to judge it. What it "
        "reaches on them says nothing of rows it has not seen.",
        "Fit on the training part only; use `transform` and `predict` on the rest.",
        bad="""\
# %% tags=["imports"]
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
import pandas as pd
# %% tags=["step:train"]
people = pd.read_csv("people.csv")
X, y = people.drop(columns="sick"), people["sick"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=1)
model = LogisticRegression().fit(X, y)
print(model.score(X_test, y_test))
""",
        good="""\
# %% tags=["imports"]
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
import pandas as pd
# %% tags=["step:train"]
people = pd.read_csv("people.csv")
X, y = people.drop(columns="sick"), people["sick"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=1)
model = LogisticRegression().fit(X_train, y_train)
print(model.score(X_test, y_test))
""",
    ),
    Rule(
        "LL702",
        "prepared before the split",
        "warning",
        "A scaler, an encoder, an imputer or a selector learns from the rows it is fitted on. Fitted before "
        "the split it has seen the rows that are held out, and the metric comes out too good.",
        "Split first and fit on the training part, or put the preparation into a pipeline with the model.",
        bad="""\
# %% tags=["imports"]
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
import pandas as pd
# %% tags=["step:train"]
people = pd.read_csv("people.csv")
X, y = people.drop(columns="sick"), people["sick"]
X = StandardScaler().fit_transform(X)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=1)
model = LogisticRegression().fit(X_train, y_train)
""",
        good="""\
# %% tags=["imports"]
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
import pandas as pd
# %% tags=["step:train"]
people = pd.read_csv("people.csv")
X, y = people.drop(columns="sick"), people["sick"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=1)
model = make_pipeline(StandardScaler(), LogisticRegression())
model.fit(X_train, y_train)
""",
    ),
    Rule(
        "LL703",
        "target among the features",
        "warning",
        "The column that the model is to predict is among those it is given, so it need not learn anything.",
        "Drop the column from the features.",
        bad="""\
# %% tags=["imports"]
from sklearn.linear_model import LogisticRegression
import pandas as pd
# %% tags=["step:train"]
people = pd.read_csv("people.csv")
model = LogisticRegression().fit(people, people["sick"])
""",
        good="""\
# %% tags=["imports"]
from sklearn.linear_model import LogisticRegression
import pandas as pd
# %% tags=["step:train"]
people = pd.read_csv("people.csv")
model = LogisticRegression().fit(people.drop(columns="sick"), people["sick"])
""",
    ),
    Rule(
        "LL704",
        "judged on training rows",
        "warning",
        "The only metrics of the model are computed on the rows it was fitted on. They say how well it "
        "remembers, not how well it predicts.",
        "Hold rows out with `train_test_split`, or use `cross_val_score`.",
        bad="""\
# %% tags=["imports"]
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
import pandas as pd
# %% tags=["step:train"]
people = pd.read_csv("people.csv")
X, y = people.drop(columns="sick"), people["sick"]
model = LogisticRegression().fit(X, y)
print(accuracy_score(y, model.predict(X)))
""",
        good="""\
# %% tags=["imports"]
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
import pandas as pd
# %% tags=["step:train"]
people = pd.read_csv("people.csv")
X, y = people.drop(columns="sick"), people["sick"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=1)
model = LogisticRegression().fit(X_train, y_train)
print(accuracy_score(y_test, model.predict(X_test)))
""",
    ),
    Rule(
        "LL705",
        "rows multiplied before the split",
        "warning",
        "Oversampling copies rows or makes new ones from their neighbours. Before the split, a row and its "
        "copy can come to lie on both sides.",
        "Split first and oversample the training part only.",
        bad="""\
# %% tags=["imports"]
from imblearn.over_sampling import SMOTE
from sklearn.model_selection import train_test_split
import pandas as pd
# %% tags=["step:train"]
people = pd.read_csv("people.csv")
X, y = people.drop(columns="sick"), people["sick"]
X, y = SMOTE(random_state=1).fit_resample(X, y)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=1)
""",
        good="""\
# %% tags=["imports"]
from imblearn.over_sampling import SMOTE
from sklearn.model_selection import train_test_split
import pandas as pd
# %% tags=["step:train"]
people = pd.read_csv("people.csv")
X, y = people.drop(columns="sick"), people["sick"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=1)
X_train, y_train = SMOTE(random_state=1).fit_resample(X_train, y_train)
""",
    ),
    Rule(
        "LL706",
        "rows in time shuffled",
        "warning",
        "The rows follow each other in time, as their features or their target look at neighbouring rows. A "
        "shuffled split lets the model learn from the future.",
        "Split with `shuffle=False`, at a date, or with `TimeSeriesSplit`.",
        bad="""\
# %% tags=["imports"]
from sklearn.model_selection import train_test_split
import pandas as pd
# %% tags=["step:train"]
prices = pd.read_csv("prices.csv")
prices["before"] = prices["price"].shift(1)
train, test = train_test_split(prices, random_state=1)
""",
        good="""\
# %% tags=["imports"]
from sklearn.model_selection import train_test_split
import pandas as pd
# %% tags=["step:train"]
prices = pd.read_csv("prices.csv")
prices["before"] = prices["price"].shift(1)
train, test = train_test_split(prices, shuffle=False)
""",
    ),
    Rule(
        "LL709",
        "split differs each time",
        "info",
        "The split draws its rows from a generator that nothing seeds. Each run judges the model on other "
        "rows, and no step after it can be taken from the cache.",
        "Pass `random_state=`.",
        bad="""\
# %% tags=["imports"]
from sklearn.model_selection import train_test_split
import pandas as pd
# %% tags=["step:train"]
people = pd.read_csv("people.csv")
X, y = people.drop(columns="sick"), people["sick"]
X_train, X_test, y_train, y_test = train_test_split(X, y)
""",
        good="""\
# %% tags=["imports"]
from sklearn.model_selection import train_test_split
import pandas as pd
# %% tags=["step:train"]
people = pd.read_csv("people.csv")
X, y = people.drop(columns="sick"), people["sick"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=1)
""",
    ),
)
