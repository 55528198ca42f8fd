"""What is recognised in a sentence, and what is left alone, in both languages."""

from __future__ import annotations

import json

import pytest

from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.team.application import Application, Theme, model, with_model
from bmad_provisioner.kinds.team.recognise import recognise
from bmad_provisioner.kinds.team.vocabulary import COLOURS


def told(application: Application) -> str:
    """The entities as one line: `tasks(title*, due_date:date, status*=open/done) crud`."""
    marks = {"text": "", "choice": "", "reference": ""}

    def field(known):
        kind = marks.get(known.type, f":{known.type}")
        extra = f"={'/'.join(known.choices)}" if known.choices else f">{known.target}" if known.target else ""
        return f"{known.slug}{'*' if known.required else ''}{kind}{extra}"

    return "; ".join(f"{entity.slug}({', '.join(map(field, entity.fields))})" for entity in application.entities)


FIELDS = [
    ("A task has a title, a due date and a status (open, done).", "tasks(title*, due_date:date, status*=open/done)"),
    ("Each task has a title (required) and optional notes.", "tasks(title*, notes:long text)"),
    ("Tasks have a title and a priority: low, normal or high", "tasks(title*, priority*=low/normal/high)"),
    ("Every book has a title, an author, a year and a price", "books(title*, author, year:integer, price:decimal)"),
    ("A company contains a name and a number of seats (integer)", "companies(name*, number_of_seats:integer)"),
    ("The fields of a person are name, birthday and notes", "people(name*, birthday:date, notes:long text)"),
    ("A customer may have a phone number.", "customers(phone_number)"),
    ("A meeting consists of a subject, a day and a room.", "meetings(subject*, day:date, room)"),
    ("A plant has a name and is poisonous (yes/no)", "plants(name*, poisonous:boolean)"),
    (
        "Staff track visits, each with a date of arrival and a badge (integer, required).",
        "visits(date_of_arrival:date, badge*:integer)",
    ),
    ("Keep a list of customers with a name, an email and a phone number.", "customers(name*, email, phone_number)"),
    (
        "A support ticket has a subject, a body and a severity (low/high)",
        "support_tickets(subject*, body:long text, severity*=low/high)",
    ),
    ('A "Class" has a name.', "classes(name*)"),
    ("An Order has a reference, a total (decimal) and an id", "orders(reference*, total:decimal, id_value)"),
    ("customer: name, email, since (date)", "customers(name*, email, since:date)"),
    ("- REQ-7: A room has a name", "rooms(name*)"),
    ("An employee's badge has a number", "employee_s_badges(number*)"),
    ("Une tâche a un titre, une échéance et un état (ouverte, faite).", "taches(titre*, echeance:date, etat*=ouverte/faite)"),
    ("Chaque facture possède un numéro, un montant et un client.", "factures(numero*, montant:decimal, client)"),
    ("Les livres comportent un titre, un auteur et une année.", "livres(titre*, auteur, annee:integer)"),
    ("Un élève a un nom, un âge et une adresse facultative", "eleves(nom*, age:integer, adresse)"),
    ("Un bon de commande a un numéro et une date de livraison", "bons_de_commande(numero*, date_de_livraison:date)"),
    ("Une personne a un nom et un courriel", "personnes(nom*, courriel)"),
    ("L\N{RIGHT SINGLE QUOTATION MARK}animal a un nom et un poids", "animaux(nom*, poids:decimal)"),
    ("Suivi des colis avec un libellé et un statut : reçu, perdu ou rendu.", "colis(libelle*, statut*=reçu/perdu/rendu)"),
    ("Un article peut avoir un prix (nombre).", "articles(prix:decimal)"),
]
REFERENCES = [
    ("A task belongs to a project.", "tasks(name*, project*>projects); projects(name*)"),
    ("A task may belong to a project.", "tasks(name*, project>projects); projects(name*)"),
    ("A project has a name. A task has a title and a project.", "projects(name*); tasks(title*, project>projects)"),
    ("A project has a name and many tasks. A task has a title.", "projects(name*); tasks(title*, project>projects)"),
    ("A project has many tasks.", "projects(name*)"),
    (
        "A visit is linked to a patient and a doctor.",
        "visits(name*, patient*>patients, doctor*>doctors); patients(name*); doctors(name*)",
    ),
    ("A folder belongs to a folder", "folders(name*, folder>folders)"),
    ("An egg belongs to a hen. A hen belongs to an egg.", "eggs(name*, hen*>hens); hens(name*, egg>eggs)"),
    ("Each task has a title and belongs to a project.", "tasks(title*, project*>projects); projects(name*)"),
    ("Build a tracker where each task has a title and a due date.", "tasks(title*, due_date:date)"),
    ("Un outil où chaque tâche a un titre et appartient à un projet", "taches(titre*, projet*>projets); projets(nom*)"),
    ("NFR-2.1: A hen has a name", "hens(name*)"),
    ("Une tâche appartient à un projet.", "taches(nom*, projet*>projets); projets(nom*)"),
    ("Un salarié est rattaché à une agence.", "salaries(nom*, agence*>agences); agences(nom*)"),
]
WANTED = [
    ("manage customers", "customers(name*)"),
    ("The team can manage customers and invoices.", "customers(name*); invoices(name*)"),
    ("Users can create, edit, list and delete tasks.", "tasks(name*)"),
    ("Add and remove recipes", "recipes(name*)"),
    ("On doit pouvoir gérer les factures et les devis.", "factures(nom*); devis(nom*)"),
    ("Les membres peuvent créer et modifier des annonces", "annonces(nom*)"),
]
NOTHING = [
    "The system has a health endpoint.",
    "The list has a search box and a button.",
    "A page has a footer.",
    "A task has no colour.",
    "We do not manage customers.",
    "Users can change their password.",
    "Users have a profile page.",
    "Show a warning before deleting a task.",
    "Tasks are listed by due date.",
    "Search is case-insensitive.",
    "People can view the dashboard.",
    "It should be fast and easy to use.",
    "Contacts can be imported from CSV.",
    "Nobody can delete invoices.",
    "Orders are never deleted.",
    "The API returns JSON.",
    "Create an account",
    "Une page a un titre.",
    "Le système a une sauvegarde quotidienne.",
    "L'application doit être rapide.",
    "Une facture n'a pas de couleur.",
    "Il y a un bouton.",
    "Personne ne peut supprimer une facture.",
    "",
]
SIGN_IN = [
    ("People sign in with a name and a password.", True),
    ("Log in is needed for everything", True),
    ("Authentication: required", True),
    ("Only signed-in users may delete.", True),
    ("Nobody reads anything without signing in.", True),
    ("Passwords have at least 12 characters", True),
    ("No sign-in is needed.", False),
    ("The application works without authentication.", False),
    ("Users do not need to log in", False),
    ("There are no passwords", False),
    ("Everything is public.", False),
    ("A sign in the street has a name", True),
    ("Il faut se connecter pour lire quoi que ce soit.", True),
    ("L'accès exige un mot de passe", True),
    ("Personne ne lit rien sans se connecter", True),
    ("Aucune connexion n'est nécessaire.", False),
    ("Pas d'authentification.", False),
    ("La connexion à la base est locale", False),
]
OPERATIONS = [
    ("A task has a title.", "create read update delete list"),
    ("A task has a title. Users can create and list tasks.", "create read list"),
    ("A task has a title. Tasks can be created and edited.", "create read update list"),
    ("A task has a title. Users cannot delete tasks.", "create read update list"),
    ("A task has a title. Nobody can delete a task", "create read update list"),
    ("A task has a title. Tasks are never deleted.", "create read update list"),
    ("A task has a title. Users can browse tasks.", "read list"),
    ("A task has a title. Tasks are listed by due date.", "create read update delete list"),
    ("Staff add and edit tasks, but cannot delete tasks.", "create read update list"),
    ("Une tâche a un titre. On peut créer, modifier et supprimer des tâches", "create read update delete list"),
    ("Une tâche a un titre. Les tâches ne peuvent pas être supprimées.", "create read update list"),
    ("Une tâche a un titre. Personne ne peut supprimer une tâche.", "create read update list"),
]


@pytest.mark.parametrize(("text", "expected"), FIELDS + REFERENCES + WANTED)
def test_a_plain_sentence_tells_what_is_kept(text, expected):
    assert told(recognise([("data.1", text)])) == expected


@pytest.mark.parametrize("text", NOTHING)
def test_what_is_no_claim_makes_no_entity(text):
    assert recognise([("data.1", text)]).entities == ()


@pytest.mark.parametrize(("text", "expected"), SIGN_IN)
def test_sign_in_is_heard_and_so_is_that_none_is_needed(text, expected):
    found = recognise([("security.1", text)])
    assert found.sign_in is expected
    assert bool(found.because("sign_in")) or not expected


@pytest.mark.parametrize(("text", "expected"), OPERATIONS)
def test_operations_are_those_that_are_said_less_those_denied(text, expected):
    (entity,) = recognise([("data.1", text)]).entities
    assert " ".join(entity.operations) == expected


@pytest.mark.parametrize(
    ("path", "text", "mode", "colour"),
    [
        ("ui.theme", "dark, accent teal", "dark", "#0f766e"),
        ("ui.1", "theme: light", "light", "#4338ca"),
        ("ui.1", "The accent colour is dark blue", "auto", "#1d4ed8"),
        ("ui.1", "Light and dark themes", "auto", "#4338ca"),
        ("ui.1", "Accent #AB12cd, dark mode", "dark", "#ab12cd"),
        ("ui.1", "Thème sombre, couleur verte", "dark", "#15803d"),
        ("ui.1", "apparence : claire", "light", "#4338ca"),
        ("ui.1", "The list is green", "auto", "#4338ca"),
        ("data.1", "The theme is dark", "auto", "#4338ca"),
    ],
)
def test_the_look_is_what_the_section_ui_says(path, text, mode, colour):
    assert recognise([(path, text)]).theme == Theme(mode, colour)


@pytest.mark.parametrize(("colour", "ink"), [*((each, "#ffffff") for each in COLOURS.values()), ("#ffff00", "#111111")])
def test_text_on_the_accent_can_be_read(colour, ink):
    assert Theme(colour=colour).ink == ink


def test_every_claim_says_which_words_of_which_requirement_make_it():
    found = recognise([("title", "Desk"), ("data.task", "A task has a title."), ("REQ-7", "Users can delete tasks. Thank you.")])
    assert [(item.about, item.path, item.words) for item in found.evidence] == [
        ("title", "title", "Desk"),
        ("tasks", "data.task", "A task has a title"),
        ("tasks.delete", "REQ-7", "Users can delete tasks"),
    ]


def test_numbers_for_people_and_machines_are_read_within_bounds():
    found = recognise(
        [
            ("security.1", "Passwords have at least 14 characters. Sessions end after 8 hours."),
            ("operations.port", "8123"),
            ("operations.2", "Available 99.9 % of the time"),
            ("database.engine", "PostgreSQL 16"),
        ]
    )
    assert (found.password_length, found.session_hours) == (14, 8)
    assert (found.hosting.port, found.hosting.availability, found.hosting.engine) == (8123, 99.9, "postgresql")
    assert recognise([("security.1", "Passwords have at least 3 characters")]).password_length == 8


@pytest.mark.parametrize(
    ("path", "text"),
    [("data.a-task-has-a-status", "open, done"), ("data.a-task-has-a-status-open", "A task has a status: open, done")],
)
def test_a_colon_in_a_sentence_is_no_end_of_a_name(path, text):
    assert told(recognise([(path, text)])) == "tasks(status*=open/done)"


def test_contradiction_shuts_the_door():
    assert recognise([("a", "No sign-in is needed."), ("b", "Everyone signs in.")]).sign_in


def test_notes_and_the_sections_of_machines_make_no_entities():
    said = "A task has a title. People sign in."
    for group in ("ui", "notes", "operations", "database"):
        assert recognise([(f"{group}.1", said)]) == Application()


def test_a_model_survives_the_way_through_json():
    found = recognise([("ui.theme", "dark"), ("data.1", "A task has a title and a status (open, done). People sign in.")])
    text = json.dumps(model(found))
    again = with_model(recognise([("ui.theme", "dark")]), text, "docs/application.json")
    assert (again.entities, again.sign_in, again.theme) == (found.entities, True, found.theme)


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("{", "invalid json"),
        ('{"entities": [{"name": "A", "plural": "As", "slug": "as; drop", "fields": [{"name": "n", "slug": "n"}]}]}', "no slug"),
        ('{"entities": [{"name": "A", "plural": "As", "slug": "as", "fields": []}]}', "no fields"),
        (
            '{"entities": [{"name": "A", "plural": "As", "slug": "as", "fields": [{"name": "n", "slug": "n", "type": "reference"}]}]}',
            "no entity",
        ),
        ('{"entities": [{"name": "A", "plural": "As", "slug": "as", "fields": [{"name": "n", "slug": "id"}]}]}', "reserved"),
    ],
)
def test_a_model_that_is_none_is_refused_with_its_place(text, trouble):
    with pytest.raises(TaskError, match=r"docs/application\.json") as refused:
        with_model(Application(), text, "docs/application.json")
    assert trouble in refused.value.message
