"""Small notebooks, wrong and right. Lines in capitals stand for what many of them share; HEAD comes first."""

from __future__ import annotations

HEAD = """\
import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE
from sklearn import preprocessing
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, classification_report, mean_squared_error, silhouette_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import LabelEncoder, MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.utils import resample

df = pd.read_csv("people.csv")
"""

SHARED = {
    "XY": 'X, y = df.drop(columns=["sick"]), df["sick"]',
    "SPLIT": "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)",
    "FIT": "model = LogisticRegression().fit(X_train, y_train)",
    "SCORE": "print(model.score(X_test, y_test))",
}

# A line "## name: code" starts a case.
_WRONG = """\
## scaler_on_all_rows: LL702
XY
X = StandardScaler().fit_transform(X)
SPLIT
FIT
SCORE
## scaler_by_module: LL702
XY
s = preprocessing.MinMaxScaler()
X = s.fit_transform(X)
SPLIT
FIT
SCORE
## scaler_fitted_then_applied: LL702
XY
s = StandardScaler()
s.fit(X)
Z = s.transform(X)
X_train, X_test, y_train, y_test = train_test_split(Z, y, random_state=0)
FIT
SCORE
## scaler_fitted_on_all_applied_to_parts: LL702
XY
SPLIT
s = StandardScaler().fit(X)
X_train = s.transform(X_train)
X_test = s.transform(X_test)
FIT
SCORE
## scaler_on_some_columns: LL702
df[["age", "pay"]] = StandardScaler().fit_transform(df[["age", "pay"]])
XY
SPLIT
FIT
SCORE
## scaler_through_a_frame: LL702
XY
X = pd.DataFrame(StandardScaler().fit_transform(X), columns=X.columns)
SPLIT
FIT
SCORE
## imputer_on_all_rows: LL702
XY
X = SimpleImputer(strategy="mean").fit_transform(X)
SPLIT
FIT
SCORE
## encoder_on_all_rows: LL702
XY
X = OneHotEncoder().fit_transform(X)
SPLIT
FIT
SCORE
## selector_on_all_rows: LL702
XY
X = SelectKBest(k=5).fit_transform(X, y)
SPLIT
FIT
SCORE
## vectorizer_on_all_rows: LL702
X, y = df["text"], df["sick"]
X = TfidfVectorizer().fit_transform(X)
SPLIT
FIT
SCORE
## pca_on_all_rows: LL702
XY
X = PCA(2).fit_transform(X)
SPLIT
FIT
SCORE
## column_transformer_on_all_rows: LL702
XY
ct = ColumnTransformer([("n", StandardScaler(), ["age"])])
X = ct.fit_transform(X)
SPLIT
FIT
SCORE
## mean_of_all_rows_fills_gaps: LL702
df["age"] = df["age"].fillna(df["age"].mean())
XY
SPLIT
FIT
SCORE
## scaled_by_hand: LL702
XY
X = (X - X.mean()) / X.std()
SPLIT
FIT
SCORE
## selector_before_cross_validation: LL702
XY
X = SelectKBest(k=5).fit_transform(X, y)
print(cross_val_score(LogisticRegression(), X, y))
## scaler_before_a_search: LL702
XY
X = StandardScaler().fit_transform(X)
g = GridSearchCV(LogisticRegression(), {"C": [1, 10]}).fit(X, y)
print(g.best_score_)
## scaler_before_folds: LL702
XY
X = StandardScaler().fit_transform(X)
for train, test in KFold(5).split(X):
    m = LogisticRegression().fit(X[train], y[train])
## model_fitted_on_all_then_tested: LL701
XY
SPLIT
model = LogisticRegression().fit(X, y)
SCORE
## model_fitted_on_all_then_metric: LL701
XY
SPLIT
model = RandomForestClassifier()
model.fit(X, y)
p = model.predict(X_test)
print(accuracy_score(y_test, p))
## model_fitted_on_the_test_part: LL701
XY
SPLIT
model = LogisticRegression()
model.fit(X_test, y_test)
SCORE
## scaler_fitted_again_on_the_test_part: LL701
XY
SPLIT
s = StandardScaler()
X_train = s.fit_transform(X_train)
X_test = s.fit_transform(X_test)
FIT
SCORE
## validation_rows_in_the_training: LL701
XY
SPLIT
X_fit, X_val, y_fit, y_val = train_test_split(X_test, y_test, random_state=1)
model = LogisticRegression().fit(X_test, y_test)
print(model.score(X_val, y_val))
## both_parts_together_again: LL701
XY
SPLIT
A, b = np.vstack([X_train, X_test]), np.concatenate([y_train, y_test])
model = LogisticRegression().fit(A, b)
SCORE
## target_left_in_the_frame: LL703
model = LogisticRegression().fit(df, df["sick"])
print(cross_val_score(model, df, 1))
## another_column_dropped: LL703
X, y = df.drop("id", axis=1), df["sick"]
SPLIT
FIT
SCORE
## target_named_among_the_features: LL703
features = ["age", "sick", "pay"]
X = df[features]
y = df["sick"].astype(int)
SPLIT
FIT
SCORE
## target_by_a_name: LL703
target = "sick"
y = df[target].values
X = df.copy()
SPLIT
FIT
SCORE
## target_in_cross_validation: LL703
print(cross_val_score(LogisticRegression(), df, df["sick"]))
## score_on_the_training_part_only: LL704
XY
SPLIT
FIT
print(model.score(X_train, y_train))
## accuracy_on_the_training_part_only: LL704
XY
SPLIT
FIT
p = model.predict(X_train)
print(classification_report(y_train, p))
## no_split_at_all: LL704
XY
model = RandomForestClassifier().fit(X, y)
print(model.score(X, y))
## no_split_with_a_metric: LL704
XY
model = make_pipeline(StandardScaler(), LogisticRegression())
model.fit(X, y)
print(accuracy_score(y, model.predict(X)))
## regression_judged_on_its_part: LL704
XY
SPLIT
model = LinearRegression().fit(X_train, y_train)
print(mean_squared_error(y_train, model.predict(X_train)))
## oversampled_before_the_split: LL705
XY
X, y = SMOTE(random_state=0).fit_resample(X, y)
SPLIT
FIT
SCORE
## resampled_before_the_split: LL705
few = df[df["sick"] == 1]
more = resample(few, n_samples=900, random_state=0)
df = pd.concat([df[df["sick"] == 0], more])
XY
SPLIT
FIT
SCORE
## lags_and_a_shuffled_split: LL706
df["before"] = df["price"].shift(1)
XY
SPLIT
FIT
SCORE
## the_future_as_target_shuffled: LL706
df["mean"] = df["price"].rolling(7).mean()
y = df["price"].shift(-1)
X = df[["price", "mean"]]
SPLIT
FIT
SCORE
## split_without_a_seed: LL709
XY
X_train, X_test, y_train, y_test = train_test_split(X, y)
FIT
SCORE
"""

_RIGHT = """\
## split_then_scale
XY
SPLIT
s = StandardScaler()
X_train = s.fit_transform(X_train)
X_test = s.transform(X_test)
FIT
SCORE
## columns_by_a_mask
X, y = df.loc[:, df.columns != "sick"], df["sick"]
SPLIT
FIT
SCORE
## a_pipeline_is_searched
XY
SPLIT
g = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1]})
g.fit(X_train, y_train)
print(g.best_score_, g.score(X_test, y_test))
## split_the_frame_then_select
train, test = train_test_split(df, random_state=0)
F = ["age", "pay"]
model = LogisticRegression().fit(train[F], train["sick"])
print(accuracy_score(test["sick"], model.predict(test[F])))
## pipeline
XY
SPLIT
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X_train, y_train)
SCORE
## pipeline_with_named_steps_cross_validated
XY
p = Pipeline([("s", StandardScaler()), ("m", LogisticRegression())])
print(cross_val_score(p, X, y))
## column_transformer_takes_what_it_needs
ct = ColumnTransformer([("n", StandardScaler(), ["age", "pay"])])
p = make_pipeline(ct, LogisticRegression())
train, test = train_test_split(df, random_state=0)
p.fit(train, train["sick"])
print(p.score(test, test["sick"]))
## both_scores_are_shown
XY
SPLIT
FIT
print(model.score(X_train, y_train))
SCORE
## training_score_and_cross_validation
XY
model = RandomForestClassifier().fit(X, y)
print(model.score(X, y))
print(cross_val_score(model, X, y))
## training_score_and_submission
XY
other = pd.read_csv("test.csv")
model = RandomForestClassifier().fit(X, y)
print(model.score(X, y))
pd.Series(model.predict(other)).to_csv("out.csv")
## refitted_on_everything_after_the_test
XY
SPLIT
FIT
SCORE
final = LogisticRegression().fit(X, y)
## same_model_refitted_after_the_test
XY
SPLIT
FIT
SCORE
model.fit(X, y)
## labels_encoded_before_the_split
X, y = df.drop(columns=["sick"]), LabelEncoder().fit_transform(df["sick"])
SPLIT
FIT
SCORE
## target_encoded_in_place
df["sick"] = LabelEncoder().fit_transform(df["sick"])
XY
SPLIT
FIT
SCORE
## target_dropped_in_place
y = df["sick"]
df.drop("sick", axis=1, inplace=True)
X = df
SPLIT
FIT
SCORE
## target_dropped_in_place_after_an_alias
y = df["sick"]
X = df
df.drop(columns="sick", inplace=True)
SPLIT
FIT
SCORE
## target_popped
y = df.pop("sick")
X = df
SPLIT
FIT
SCORE
## target_deleted
y = df["sick"]
del df["sick"]
X = df
SPLIT
FIT
SCORE
## features_by_position
X, y = df.iloc[:, :-1], df.iloc[:, -1]
SPLIT
FIT
SCORE
## features_by_comprehension
y = df["sick"]
X = df[[c for c in df.columns if c != "sick"]]
SPLIT
FIT
SCORE
## features_from_a_bunch
iris = load_iris()
X, y = iris.data, iris.target
SPLIT
FIT
SCORE
## features_from_a_bunch_by_key
iris = load_iris()
X, y = iris["data"], iris["target"]
SPLIT
FIT
SCORE
## dummies_before_the_split
X, y = pd.get_dummies(df.drop(columns="sick")), df["sick"]
SPLIT
FIT
SCORE
## constant_fills_gaps
df["age"] = df["age"].fillna(0)
XY
SPLIT
FIT
SCORE
## scaled_by_a_constant
XY
X = X / 255.0
SPLIT
FIT
SCORE
## mean_of_the_training_part_fills_gaps
XY
SPLIT
m = X_train.mean()
X_train, X_test = X_train.fillna(m), X_test.fillna(m)
FIT
SCORE
## clusters_of_scaled_rows
XY
Z = StandardScaler().fit_transform(X)
k = KMeans(3).fit(Z)
print(silhouette_score(Z, k.labels_))
## scaled_for_a_plot_only
XY
Z = PCA(2).fit_transform(StandardScaler().fit_transform(X))
print(Z[:3])
SPLIT
FIT
SCORE
## test_part_drawn_with_pca
XY
SPLIT
FIT
SCORE
print(PCA(2).fit_transform(X_test))
## regression_explains
XY
model = LinearRegression().fit(X, y)
print(model.score(X, y), model.coef_)
## oversampled_training_part
XY
SPLIT
X_train, y_train = SMOTE().fit_resample(X_train, y_train)
FIT
SCORE
## lags_without_shuffling
df["before"] = df["price"].shift(1)
XY
X_train, X_test, y_train, y_test = train_test_split(X, y, shuffle=False)
FIT
SCORE
## split_by_hand
XY
X_train, X_test, y_train, y_test = X[:800], X[800:], y[:800], y[800:]
FIT
SCORE
## grid_search
XY
SPLIT
search = GridSearchCV(LogisticRegression(), {"C": [1, 2]}).fit(X_train, y_train)
print(search.best_score_, search.score(X_test, y_test))
## seeded_once
np.random.seed(1)
XY
X_train, X_test, y_train, y_test = train_test_split(X, y)
FIT
SCORE
## splits_in_a_loop
XY
for i in range(3):
    X_train, X_test, y_train, y_test = train_test_split(X, y)
    model = LogisticRegression().fit(X_train, y_train)
    print(model.score(X_test, y_test))
## models_in_a_loop
XY
SPLIT
for name, model in {"a": LogisticRegression(), "b": RandomForestClassifier()}.items():
    model.fit(X_train, y_train)
    print(name, model.score(X_test, y_test))
## judged_in_a_function
def judge(m):
    print(m.score(X_test, y_test))
XY
SPLIT
FIT
print(model.score(X_train, y_train))
judge(model)
## calibrated_on_validation_rows
XY
SPLIT
X_fit, X_val, y_fit, y_val = train_test_split(X_train, y_train, random_state=1)
model = LogisticRegression().fit(X_fit, y_fit)
again = LogisticRegression().fit(X_val, y_val)
SCORE
## fitted_on_all_in_one_branch
XY
SPLIT
model = LogisticRegression()
if len(X) > 3:
    s = StandardScaler()
    X_train = s.fit_transform(X_train)
    X_test = s.transform(X_test)
model.fit(X_train, y_train)
SCORE
## unknown_library
import deep
X, y = deep.load()
SPLIT
net = deep.Net()
net.fit(X_train, y_train, validation=(X_test, y_test))
print(net.evaluate(X_test, y_test))
## predictions_compared_by_hand
XY
SPLIT
FIT
print(np.mean(model.predict(X_test) == y_test))
print(accuracy_score(y_train, model.predict(X_train)))
## target_changed_after_it_was_taken
y = df["sick"]
df["sick"] = df["age"] * 2
X_train, X_test, y_train, y_test = train_test_split(df, y, random_state=0)
FIT
SCORE
## features_made_of_features
XY
SPLIT
p = preprocessing.PolynomialFeatures(2).fit(X_train)
A, B = p.transform(X_train), p.transform(X_test)
model = LogisticRegression().fit(A, y_train)
print(model.score(B, y_test))
## unknown_transformer
import deep
XY
SPLIT
t = deep.Transformer().fit(X_train)
A, B = t.transform(X_train), t.transform(X_test)
model = LogisticRegression().fit(A, y_train)
print(model.score(B, y_test))
## target_made_of_the_shape
X = df.to_numpy()
y = np.zeros(df.shape[0])
y[:10] = 1
SPLIT
FIT
SCORE
## texts_in_lists
train, test = [t.lower() for t in df["a"]], [t.lower() for t in df["b"]]
v = TfidfVectorizer().fit(train)
X, Z = v.transform(train), v.transform(test)
model = LogisticRegression().fit(X, df["sick"])
print(model.score(Z, df["sick"]))
## syntax_of_all_kinds
XY
SPLIT
FIT
print(f'{model.score(X_test, y_test):.2f}', *[1], {**{}}, lambda q: q, X[::2], X[..., 0], [x for x in y], (yy := y))
match y:
    case [a, *b]: pass
    case _: pass
with open('a') as f: pass
try:
    pass
except Exception as e: pass
async def g():
    async for a in b: await c
assert y
global z
del X
"""


def expanded(text: str) -> str:
    """The code, with what the lines in capitals stand for."""
    return "".join(SHARED.get(line, line) + "\n" for line in text.strip("\n").split("\n"))


def _cases(text: str) -> dict[str, str]:
    parts = (part.partition("\n") for part in ("\n" + text).split("\n## ")[1:])
    return {title: expanded(body) for title, _, body in parts}


WRONG = {title.partition(": ")[0]: (title.partition(": ")[2], body) for title, body in _cases(_WRONG).items()}
RIGHT = _cases(_RIGHT)
