"""Domains: the words by which requests speak of the usual fields of work, in English and French."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One field of work: `words` name it (alone they decide), `hints` go with it and with other things too.

    A specialist whose own words are among the `words` of a field works in it, and is found by all of them.
    """

    words: tuple[str, ...]
    hints: tuple[str, ...] = ()


def _field(words: str, hints: str = "") -> Field:
    return Field(_listed(words), _listed(hints))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(word for part in text.split(",") if (word := part.strip()))


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


FIELDS: Mapping[str, Field] = {
    "frontend": _field(
        """frontend, front-end, front, UI, user interface, interface utilisateur, HTML, CSS, SCSS, Tailwind, React, Vue, Angular,
        Svelte, Next.js, JavaScript, TypeScript, DOM, web page, landing page, page web, page d'accueil, layout, mise en page,
        responsive, button, bouton, form, formulaire, modal, modale, popup, dropdown, menu, menu déroulant, navbar, header,
        footer, bandeau, toolbar, barre d'outils, sidebar, tooltip, infobulle, checkbox, case à cocher, carousel, icon, icône,
        widget, theme, thème, dark mode, mode sombre, font, police, contrast, contraste, screen reader, lecteur d'écran,
        accessibility, accessibilité, WCAG, stylesheet, feuille de style, component, composant, animation, UX, design system,
        maquette, mockup, wireframe, browser, navigateur, Safari, Firefox, autocomplete, autocomplétion, spinner, scroll,
        défilement, input field, champ de saisie, search box, barre de recherche""",
        """page, screen, écran, show, display, affiche, afficher, click, clique, cliquer, color, colour, couleur, align, aligner,
        style, field, champ, tab, onglet, link, lien, image, visible, hover, survol, illisible, lisible, liste, list,
        pagination, centré, pixel""",
    ),
    "backend": _field(
        """backend, back-end, API, REST, GraphQL, gRPC, endpoint, point d'accès, route, controller, contrôleur, middleware,
        webhook, Node.js, Express, Django, Flask, FastAPI, Spring, Rails, Laravel, server-side, côté serveur, microservice,
        business logic, logique métier, HTTP, status code, code de retour, 400, 401, 403, 404, 500, 502, JSON, payload,
        session, cookie, login, log in, sign in, connexion, mot de passe, password, authentication, authentification, OAuth,
        SSO, JWT, rate limit, limitation de débit, websocket, background job, tâche de fond, upload, téléversement,
        send an email, envoi de courriels""",
        """server, serveur, service, request, requête HTTP, token, jeton, return, renvoie, renvoyer, validate,
        valider, handler, parse, store, enregistrer, account, compte, cache, timeout, error, erreur, header HTTP, webhooks""",
    ),
    "database": _field(
        """database, base de données, la base, SQL, PostgreSQL, Postgres, MySQL, MariaDB, SQLite, Oracle, MongoDB, Redis, schema,
        schéma, migration, query, requête SQL, slow query, requête lente, index, foreign key, clé étrangère, primary key,
        clé primaire, column, colonne, transaction, deadlock, verrou, trigger, stored procedure, procédure stockée, ORM,
        replication, réplication, partitioning, partitionnement, vacuum, join, jointure, database backup,
        sauvegarde de la base, normalisation, constraint, contrainte""",
        """table, row, ligne, record, enregistrement, requête, backup, sauvegarde, sauvegarder, restore, restaurer, lock, unique,
        duplicate""",
    ),
    "devops": _field(
        """devops, operations, ops, exploitation, SRE, site reliability, Docker, container, conteneur, Kubernetes, k8s, Helm,
        pod, Terraform, Ansible, AWS, Azure, GCP, cloud, infrastructure, CI, CD, CI/CD, continuous integration,
        intégration continue, continuous delivery, livraison continue, GitHub Actions, GitLab CI, Jenkins, build pipeline,
        chaîne d'intégration, deployment, deploy, déploiement, déployer, rollout, release, mise en production, staging,
        préproduction, monitoring, supervision, surveiller, alerting, alert, alerte, Prometheus, Grafana, uptime,
        disponibilité, incident, astreinte, load balancer, répartiteur de charge, autoscaling, scale out, cluster, node, nœud,
        provision, provisionner, network, réseau, DNS, certificate renewal, nginx, virtual machine, machine virtuelle,
        capacity, restart, redémarrage, environment variable, variable d'environnement, disk space, espace disque, CPU, logs""",
        """production, environment, environnement, server, serveur, machine, host, hôte, memory, mémoire, disk, disque, automate,
        automatiser, outage, panne, backup, sauvegarde, sauvegarder, latency, latence, cost, coût, log, schedule, planifier,
        image""",
    ),
    "security": _field(
        """security, sécurité, application security, vulnerability, vulnérabilité, CVE, OWASP, XSS, CSRF, SQL injection,
        injection, pentest, penetration test, test d'intrusion, threat, menace, threat modelling, threat model,
        analyse des menaces, attack, attaque, attacker, attaquant, encryption, encrypt, decrypt, chiffrement,
        chiffrer, TLS, secret, secrets, key rotation, rotation des clés, hardening, durcissement, firewall, pare-feu,
        phishing, hameçonnage, malware, MFA, two-factor, double authentification, clear text, en clair, privilege escalation,
        élévation de privilèges, brute force, sandbox, signature, certificate, certificat""",
        """password, mot de passe, authentication, authentification, authorisation, autorisation, access control,
        contrôle d'accès, token, jeton, key, leak, fuite, dependency, dépendance, login, permission, scan""",
    ),
    "quality": _field(
        """QA, quality assurance, assurance qualité, test, tests, tester, testing, unit test, test unitaire, integration test,
        test d'intégration, end-to-end, E2E, de bout en bout, regression, régression, non-régression, test plan, plan de test,
        test case, cas de test, acceptance criteria, critère d'acceptation, recette, flaky, Playwright, Cypress, Selenium,
        Jest, pytest, JUnit, coverage, couverture, bug report, rapport d'anomalie, defect, anomalie, reproduce, reproduire,
        load test, test de charge, smoke test, fixture, assertion""",
        """quality, qualité, scenario, scénario, verify, vérifier, bug, fails, échoue, case, cas""",
    ),
    "data engineering": _field(
        """data engineering, ingénierie des données, ETL, ELT, Spark, Airflow, Kafka, Flink, Hadoop, Databricks, Snowflake,
        BigQuery, Parquet, Avro, data lake, lake, lac de données, data warehouse, warehouse, entrepôt de données, entrepôt,
        ingestion, ingest, ingérer, data pipeline, pipeline, batch, batch job, traitement par lots, par lots, nightly job,
        traitement nocturne, backfill, DAG, stream, streaming, flux de données, data quality, qualité des données,
        deduplicate, doublon, dédoublonner, partition, CDC, change data capture, data catalog, lineage""",
        """load, charger, import, export, CSV, file, fichier, dataset, jeu de données, source, job, format, transform,
        transformer""",
    ),
    "analytics": _field(
        """analytics, business intelligence, BI, dbt, Looker Studio, Tableau, Power BI, Metabase, dashboard, tableau de bord, chart,
        graphique, plot, courbe, report, rapport, reporting, KPI, metric, métrique, indicateur, revenue, chiffre d'affaires,
        conversion rate, taux de conversion, cohort, cohorte, retention rate, funnel, entonnoir, data mart, semantic layer,
        A/B test, segmentation, pivot table, statistics, statistiques""",
        """weekly, monthly, mensuel, hebdomadaire, by region, par région, measure, mesurer, sales, ventes, trend, tendance, rate,
        taux, average, moyenne""",
    ),
    "machine learning": _field(
        """machine learning, apprentissage automatique, deep learning, ML, neural network, réseau de neurones, model training,
        model serving, train, retrain, training, entraîner, entraînement, réentraîner, classifier, classifieur,
        regression model, feature engineering, features, hyperparameter, hyperparamètre, accuracy, overfitting,
        surapprentissage, inference, inférence, embedding, PyTorch, TensorFlow, scikit-learn, MLflow, LLM, fine-tune,
        fine-tuning, recommendation model, recommandation, prediction, prédiction, predict, prédire, drift, anomaly detection,
        churn, forecast, GPU, precision, recall, F1, labelled data, données annotées""",
        """model, modèle, dataset, jeu de données, score, detect, détecter, learn, apprendre, fraud, fraude, serve""",
    ),
    "architecture": _field(
        """architecture, software architecture, architecture logicielle, architect, architecte, design decision, decision record,
        ADR, choix techniques, trade-off, trade-offs, compromis, monolith, monolithe, microservices, event-driven,
        message queue, file de messages, message broker, bounded context, contexte borné, domain-driven, hexagonal,
        scalability, passage à l'échelle, coupling, couplage, modularity, découpage, system design, conception du système,
        dependency graph, C4, technical debt, dette technique, technology choice, CQRS""",
        """split, découper, structure, module, option, options, compare, comparer, pattern, migrate to, boundary, frontière,
        services""",
    ),
    "product": _field(
        """product, product management, produit, product owner, user story, récit utilisateur, roadmap, feuille de route,
        backlog, MVP, PRD, requirements, exigences, prioritise, prioritize, priorise, prioriser, stakeholder, partie prenante,
        persona, market research, étude de marché, user interview, interview, entretien utilisateur, feature request,
        demande des clients, demandes des clients, value proposition, OKR, competitor, concurrent, pricing strategy,
        release plan, product vision, vision produit, go-to-market, trimestre, quarter, feedback""",
        """priority, priorité, goal, objectif, scope, périmètre, customer, client, users, utilisateurs, besoin, need, epic,
        sprint, survey, sondage""",
    ),
    "privacy": _field(
        """privacy, vie privée, HIPAA, GDPR, RGPD, CNIL, personal data, données personnelles, données à caractère personnel, PHI,
        PII, consent, consentement, compliance, conformité, audit trail, piste d'audit, audit log, journal d'accès, audit,
        data retention, durée de conservation, conserver, retention, right to erasure, right to be forgotten, droit à l'oubli,
        erase, erasure, effacement, anonymise, anonymize, anonymiser, pseudonymise, data subject, personne concernée,
        data breach notification, lawful basis, base légale, DPO, regulation, réglementation, légal, legal""",
        """delete, supprimer, keep, garder, access, accès, law, loi, policy, sensitive, sensible""",
    ),
    "health exchange": _field(
        """HL7, FHIR, DICOM, PACS, interoperability, interopérabilité, CDA, LOINC, SNOMED, ICD-10, CIM-10, IHE, DMP, EHR, EMR,
        patient record exchange, electronic health record, dossier patient informatisé, lab results, résultats de laboratoire,
        échange de dossiers, health information exchange, medical imaging, imagerie médicale""",
        """message, messages, map, exchange, échange, échanger, format, record, dossier, laboratory, laboratoire, hospital,
        hôpital, resources, import, export""",
    ),
    "clinical": _field(
        """clinical, clinique, clinical workflow, care pathway, parcours de soins, soins, triage, tri des patients, nurse,
        infirmier, infirmière, physician, médecin, bedside, ward, service hospitalier, diagnosis, diagnostic, symptom,
        symptôme, prescription, ordonnance, vital signs, constantes vitales, surgery, chirurgie, discharge, admission,
        emergency department, urgences, treatment plan, plan de traitement, anamnesis, dosage, posologie, medication,
        médicament, handover, transmissions""",
        """patient, care, process, appointment, rendez-vous, hospital, hôpital, workflow, doctor""",
    ),
    "documentation": _field(
        """documentation, document, documenter, technical writing, rédaction technique, technical writer, redacteur, guide,
        tutorial, tutoriel, manual, manuel, user guide, mode d'emploi, README, changelog, release notes, notes de version,
        FAQ, glossary, glossaire, API reference, docstring, knowledge base, base de connaissances, style guide""",
        """write, rédige, rédiger, explain, expliquer, page, translate, traduire, typo, faute, wording, paper, describe, décrire""",
    ),
    "mobile": _field(
        """mobile, mobile app, application mobile, appli, iOS, Android, iPhone, iPad, smartphone, Swift, SwiftUI, Kotlin,
        Jetpack Compose, Flutter, React Native, Xcode, App Store, Play Store, push notification, notification push, tablet,
        tablette, deep link, APK, offline mode, mode hors ligne""",
        """app, application, notification, camera, caméra, appareil photo, battery, batterie, gesture, geste, touch, crash,
        plante, démarrage, startup, view""",
    ),
    "performance": _field(
        """performance, profiling, profiler, bottleneck, goulot d'étranglement, benchmark, latency, latence, throughput, débit,
        memory leak, fuite de mémoire, speed up, accélérer, slow, lent, optimisation, optimization, hot path, flame graph""",
        """memory, mémoire, CPU, cache, faster, rapide, seconds, secondes""",
    ),
    "support": _field(
        """customer support, support client, service client, helpdesk, help desk, ticket, complaint, réclamation, refund,
        remboursement, SLA, onboarding, escalation, escalade, satisfaction survey""",
        """customer, client, answer, répondre, question""",
    ),
    "finance": _field(
        """finance, bookkeeping, comptabilité, invoice, facturation, budget, ledger, grand livre, VAT, TVA, tax, taxe, payroll,
        paie, audit financier, cash flow, trésorerie, balance sheet, bilan, expense, note de frais""",
        """cost, coût, payment, paiement, price, prix, facture""",
    ),
    "marketing": _field(
        """marketing, campaign, campagne, SEO, référencement, newsletter, social media, réseaux sociaux, advertising, publicité,
        branding, copywriting, press release, communiqué de presse, landing page copy, slogan, audience""",
        """brand, marque, content, contenu, blog, post, article""",
    ),
}

ARTICLES = _set("a an the of le la les l un une des du de d")
"""Words that may stand in a phrase or not: `base de données`, `la base des données`."""

STOP = _set(
    """a an the and or of to in on at by for from with into onto as is are be was were been being it its this that these those there
    their his her our your my we you they he she i me us them who which what when where how why will would can could should shall
    may might must do does did done have has had having so than then too very just also please all any some each every more most
    much many one two three again still yet up out about over under after before behind between during if else because while le la
    les l un une des du de d et ou a au aux en dans sur par pour avec vers chez ce cet cette ces c se s sa son ses leur leurs
    notre nos votre vos mon ma mes ton ta tes je tu il elle on nous vous ils elles me te lui y est sont etre ete etait sera soit
    ai as avons avez ont avait avoir qui que qu quoi dont quand comme comment pourquoi combien quel quelle quels quelles faut il
    fait faire fais doit doivent peut peuvent puis donc car si plus tres trop tout toute tous toutes aussi encore deja depuis
    apres avant entre pendant afin svp deux trois m t n j"""
)
"""Words that say nothing of a subject by themselves, without accents; `sign in` says something all the same."""

ROLES = _set(
    """engineer developer development specialist expert lead leader senior junior officer manager analyst administrator consultant
    team agent ingenieur ingenieure developpeur developpeuse developpement specialiste responsable chef cheffe equipe charge
    chargee analyste"""
)
"""Words of a specialist's name that say nothing of its subject, without accents."""
