"""All examples: what Django and the workers find."""

from examples.gallery.another_card import another_card
from examples.gallery.applicant_decision import applicant_decision, start_application
from examples.gallery.background_check import background_check, court_search, employer_search
from examples.gallery.blood_test import blood_test
from examples.gallery.book_lending import book_lending
from examples.gallery.buyers_remorse import buyers_remorse
from examples.gallery.callback_token import callback_token
from examples.gallery.car_auction import car_auction
from examples.gallery.car_vitals import car_vitals
from examples.gallery.carrier_updates import carrier_updates
from examples.gallery.college_application import college_application
from examples.gallery.condition_reports import condition_report, condition_reports
from examples.gallery.credit_card_payment import credit_card_payment
from examples.gallery.credit_check import credit_check
from examples.gallery.customers_and_orders import customers_and_orders
from examples.gallery.do_while import do_while
from examples.gallery.document_processing import document_processing
from examples.gallery.dunning import dunning, dunning_letter
from examples.gallery.expense_approval import expense_approval
from examples.gallery.food_delivery import food_delivery
from examples.gallery.food_ordering import food_ordering
from examples.gallery.glass_of_water import glass_of_water
from examples.gallery.hotel_booking import hotel_booking
from examples.gallery.http_poll import http_poll
from examples.gallery.human_approval import human_approval
from examples.gallery.image_processing import image_processing
from examples.gallery.invoice_approval import invoice_approval
from examples.gallery.job_poller import job_poller
from examples.gallery.loan_choice import loan_choice
from examples.gallery.money_transfer import money_transfer
from examples.gallery.monitor_job import monitor_job
from examples.gallery.order_lines import order_lines, ship_line
from examples.gallery.order_shipping import order_shipping
from examples.gallery.order_state import order_state
from examples.gallery.parallel_enrichment import parallel_enrichment
from examples.gallery.patient_onboarding import patient_onboarding
from examples.gallery.provision_orders import provision_orders
from examples.gallery.purchase_order import purchase_order
from examples.gallery.retry_on_error import retry_on_error
from examples.gallery.room_readings import room_readings
from examples.gallery.routing_slip import routing_slip
from examples.gallery.semaphore import semaphore
from examples.gallery.shipping_policy import shipping_policy
from examples.gallery.sub_workflow import card_payment, sub_workflow
from examples.gallery.subscription import subscription
from examples.gallery.trip_booking import trip_booking
from examples.gallery.updatable_timer import updatable_timer
from examples.gallery.vet_appointment import vet_appointment
from examples.gallery.visa_decision import visa_decision
from examples.gallery.vital_signs import vital_signs
from examples.gallery.widget_store import widget_store

__all__ = [
    "another_card",
    "applicant_decision",
    "background_check",
    "blood_test",
    "book_lending",
    "buyers_remorse",
    "callback_token",
    "car_auction",
    "car_vitals",
    "card_payment",
    "carrier_updates",
    "college_application",
    "condition_report",
    "condition_reports",
    "court_search",
    "credit_card_payment",
    "credit_check",
    "customers_and_orders",
    "do_while",
    "document_processing",
    "dunning",
    "dunning_letter",
    "employer_search",
    "expense_approval",
    "food_delivery",
    "food_ordering",
    "glass_of_water",
    "hotel_booking",
    "http_poll",
    "human_approval",
    "image_processing",
    "invoice_approval",
    "job_poller",
    "loan_choice",
    "money_transfer",
    "monitor_job",
    "order_lines",
    "order_shipping",
    "order_state",
    "parallel_enrichment",
    "patient_onboarding",
    "provision_orders",
    "purchase_order",
    "retry_on_error",
    "room_readings",
    "routing_slip",
    "semaphore",
    "ship_line",
    "shipping_policy",
    "start_application",
    "sub_workflow",
    "subscription",
    "trip_booking",
    "updatable_timer",
    "vet_appointment",
    "visa_decision",
    "vital_signs",
    "widget_store",
]
